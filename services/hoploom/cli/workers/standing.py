"""How a worker stands, in a word: from what managers answer of it. Pure."""

from collections.abc import Mapping
from typing import Any

REVOKED, TWICE, UNHEARD, INVITED = "revoked", "twice", "not heard", "invited"


def word(worker: Mapping[str, Any]) -> str:
    """One word of an enrolled worker: what keeps it from working comes first."""
    seen = worker.get("seen")
    if worker["revoked"]:
        return REVOKED
    if not seen:
        return UNHEARD
    return TWICE if seen["clash"] else str(seen["status"])


def heard(worker: Mapping[str, Any]) -> str:
    """When it was heard last."""
    seen = worker.get("seen")
    return f"{seen['heard_s']:.0f} s ago" if seen else "-"


def note(worker: Mapping[str, Any]) -> str:
    """What is to be said of it."""
    seen = worker.get("seen") or {}
    if seen.get("clash"):
        return "runs on more than one machine: on the copy `hoploom worker join URL --copied`"
    return str(seen.get("note", ""))
