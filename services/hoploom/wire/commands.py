"""What an operator tells workers by name, or all of them: how fast they may probe, and to look for work now. Pure.

Nothing of it is kept by a worker: whoever connects is told what holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.fields import MAX_INTEGER, VERSION, Fields

PREFIX = "hoploom/orders/"
EVERYBODY = "all"
"""Stands where the name of a worker could: no single worker of this name can be commanded."""


@dataclass(frozen=True, kw_only=True)
class Commands:
    """What holds for a worker.

    Attributes:
        run: Grows whenever the worker is told to look for work now.
        rate_pps: Packets a second at most, beside its owner's limit; 0 sets none.
    """

    run: int = 0
    rate_pps: int = 0

    @staticmethod
    def from_json(document: object) -> Commands:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        known = Fields(document, "a worker's commands")
        settings = Fields(known.object("settings"), "a worker's settings", versioned=False)
        return Commands(
            run=known.integer("run", range(MAX_INTEGER)),
            rate_pps=settings.integer("rate_pps", range(MAX_RATE_PPS + 1), 0),
        )

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"v": VERSION, "run": self.run, "settings": {"rate_pps": self.rate_pps}}


def key(worker: str) -> str:
    """Where the commands of a worker, or of `EVERYBODY`, are stored."""
    return PREFIX + worker
