"""How a campaign stands, from what the input service tells of it: one word, and the sums over its groups. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

STOPPED, FINISHED, PAUSED, RUNNING, WAITING = "stopped", "finished", "paused", "running", "waiting"
"""Waiting: no worker has asked for it yet."""


@dataclass(frozen=True)
class Standing:
    """How a campaign stands.

    Attributes:
        state: One of the words above.
        done: Targets that are done in the running round of each group, together.
        whole: Targets of a round of each group, together.
        outstanding: Targets that are handed out and not done.
        reissued: Targets that were handed out again.
        rate_pps: Packets a second just now; None where nobody has measured yet.
        seconds_left: Until the running rounds end; None where that is not known.
    """

    state: str
    done: int
    whole: int
    outstanding: int
    reissued: int
    rate_pps: float | None
    seconds_left: float | None


def standing(row: Mapping[str, Any], overlay: Mapping[str, Any]) -> Standing:
    """How a campaign stands.

    Args:
        row: As `GET /api/v1/campaigns/{id}` tells of it.
        overlay: The overlay or its summary: `paused` and `paused_campaigns`.
    """
    campaign, groups = row["campaign"], list(row["groups"].values())
    working = [each for each in groups if not each["finished"]]
    state = _state(row, overlay)
    return Standing(
        state=state,
        done=sum(each["done"] for each in groups),
        whole=campaign["targets"] * max(1, len(groups)),
        outstanding=sum(each["outstanding"] for each in groups),
        reissued=sum(each["reissued"] for each in groups),
        rate_pps=total(each["rate_pps"] for each in working),
        seconds_left=last(each["seconds_left"] for each in working) if state == RUNNING else None,
    )


def is_finished(row: Mapping[str, Any]) -> bool:
    """Whether all groups have done all rounds; of several datacenters it is said whether all of them are."""
    groups = row["groups"].values()
    return bool(row.get("finished", bool(groups) and all(each["finished"] for each in groups)))


def _state(row: Mapping[str, Any], overlay: Mapping[str, Any]) -> str:
    campaign = row["campaign"]
    if is_finished(row):
        return FINISHED
    if campaign.get("stopped_us"):
        return STOPPED
    if overlay.get("paused") or campaign["id"] in overlay.get("paused_campaigns", ()):
        return PAUSED
    return RUNNING if row["groups"] else WAITING


def total(rates: Iterable[float | None]) -> float | None:
    """The sum of the rates that are known; None where none is."""
    known = [each for each in rates if each is not None]
    return sum(known) if known else None


def last(times: Iterable[float | None]) -> float | None:
    """When the last one ends; None while that is not known of each."""
    found = list(times)
    known = [each for each in found if each is not None]
    return max(known) if known and len(known) == len(found) else None
