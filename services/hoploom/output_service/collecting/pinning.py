"""Which folder is the data set of a name: what stands in Consul, and who may collect by it. Pure.

Outputs prune what a data set has confirmed, so nobody may confirm in the name of a set that he does not hold: neither
with a new and empty folder, nor with an older copy of it. Such a candidate stays away and says so, until its operator
gives the set up that he names.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIX = "hoploom/data-sets/"
NAME = re.compile("[a-z0-9][a-z0-9-]{0,39}")
"""Of a data set; a part of the role's name and of a key."""

FLAG = "--new-data-set"


def role(name: str) -> str:
    """The role whose leader collects into a data set."""
    return f"collect-{name}"


@dataclass(frozen=True)
class Pin:
    """What stands in Consul of a data set.

    Attributes:
        uuid: Its UUID.
        host: Where it was last collected into.
        folder: Its folder there.
        cursors: How far it had each store by then; tells an older copy of it.
    """

    uuid: str
    host: str = ""
    folder: str = ""
    cursors: Mapping[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """As it is kept."""
        document = {"v": 1, "uuid": self.uuid, "host": self.host, "folder": self.folder, "cursors": dict(self.cursors)}
        return json.dumps(document, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, value: bytes) -> "Pin | None":
        """What a key says; None where it says nothing that is understood."""
        try:
            found: Any = json.loads(value)
            cursors = {str(store): int(upto) for store, upto in dict(found.get("cursors") or {}).items()}
            return cls(str(found["uuid"]), str(found.get("host", "")), str(found.get("folder", "")), cursors)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True)
class Verdict:
    """Whether a folder may be collected into.

    Attributes:
        why_not: In words for its operator; empty where it may.
        renews: Whether the set has to become another one first, with a UUID of its own: an older copy.
    """

    why_not: str = ""
    renews: bool = False


def judged(name: str, known: Pin | None, own: Pin | None, given_up: str) -> Verdict:
    """Whether a folder may be collected into.

    Args:
        name: Name of the data set.
        known: What stands in Consul; None where the name is free.
        own: What the folder holds; None where nothing has been made there yet.
        given_up: UUID of the data set that the operator gives up; empty for none.
    """
    if known is None:
        return Verdict()
    way_out = f"{FLAG}={known.uuid} gives that one up, and outputs are asked for all that they have"
    where = f"{known.uuid} in {known.folder or 'a folder'} of {known.host or 'another host'}"
    if own is None or own.uuid != known.uuid:
        held = f"holds {own.uuid}" if own else "holds none yet"
        return Verdict("" if given_up == known.uuid else f"data set {name} is {where}, this folder {held}: {way_out}")
    behind = [store for store, upto in known.cursors.items() if own.cursors.get(store, 0) < upto]
    if not behind:
        return Verdict()
    if given_up == known.uuid:
        return Verdict(renews=True)
    return Verdict(
        f"this folder is an older copy of data set {name}, {where}: it lacks what {len(behind)} stores have been "
        f"told that it has; {way_out}"
    )
