"""What is known of a closed file, also after it was pruned. Pure."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from hoploom.output_service import folder


@dataclass(frozen=True)
class ClosedFile:
    """A closed file, as `GET /dumps` lists it.

    Attributes:
        number: Its number.
        first_seq: The first of its batches.
        last_seq: The last of them.
        rows: In all its tables of results.
        bytes: Its size.
        sha256: Of its content, in hexadecimal.
        closed_at_us: Wall clock of this store at the end of the last batch, in microseconds since 1970.
        pruned: Whether it was removed.
    """

    number: int
    first_seq: int
    last_seq: int
    rows: int
    bytes: int
    sha256: str
    closed_at_us: int
    pruned: bool = False

    @property
    def name(self) -> str:
        """Its name in the folder, and in the path by which it is served."""
        return folder.closed(self.number)

    def to_json(self) -> dict[str, Any]:
        """As it is listed."""
        found = {"name": self.name, **dataclasses.asdict(self)}
        del found["number"]
        return found

    def to_text(self) -> str:
        """As it is kept in the store."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_text(cls, text: str) -> ClosedFile:
        """As it was kept by `to_text`."""
        return cls(**json.loads(text))
