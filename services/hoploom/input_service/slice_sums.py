"""How far a campaign is over all its datacenters, from what each says of its own slice. Pure.

A group counts where it has begun. A campaign is finished when every slice is: by each group that has begun there, and
by one at least. What a datacenter said last stands while it cannot be asked, with the time at which it said so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hoploom.wire.campaign import Campaign
from hoploom.wire.standing import last, total

Rows = Mapping[str, Mapping[str, Any]]
"""Progress by group, as `progress.summed` makes it."""

_SUMMED = ("targets", "handed_out", "done", "outstanding", "leases", "reissued")


@dataclass(frozen=True)
class Part:
    """What a datacenter says of its slice.

    Attributes:
        groups: Progress of its groups; empty before any has begun.
        as_of_us: Wall clock, microseconds since 1970, when it said so; 0 for never.
        away: Why it cannot be asked; empty where it has answered.
    """

    groups: Rows = field(default_factory=dict)
    as_of_us: int = 0
    away: str = ""

    @property
    def finished(self) -> bool:
        """Whether the slice is probed, as far as is known."""
        return bool(self.groups) and all(each["finished"] for each in self.groups.values())


def joined(campaign: Campaign, parts: Mapping[str, Part]) -> dict[str, Any]:
    """The campaign's progress as it is shown.

    Args:
        campaign: The campaign.
        parts: What each datacenter of the campaign says, by name.

    Returns:
        `groups` as of one datacenter, each with its datacenters; `datacenters`; and whether all is `finished`.
    """
    names = sorted({name for part in parts.values() for name in part.groups})
    return {
        "groups": {name: _group({dc: part.groups[name] for dc, part in parts.items() if name in part.groups})
                   for name in names},
        "datacenters": {dc: _described(campaign, dc, part) for dc, part in sorted(parts.items())},
        "finished": all(part.finished for part in parts.values()),
    }  # fmt: skip


def _described(campaign: Campaign, dc: str, part: Part) -> dict[str, Any]:
    targets = replace(campaign, here=dc).targets_here
    return {"targets": targets, "finished": part.finished, "as_of_us": part.as_of_us, "away": part.away}


def _group(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One group's numbers over the datacenters where it has begun, in the round of the one that is last."""
    current = min(row["round"] for row in rows.values())
    level = [_ahead(row) if row["round"] > current else row for row in rows.values()]
    first = next(iter(rows.values()))
    working = [row for row in rows.values() if not row["finished"]]
    return {
        **first,
        **{name: sum(row[name] for row in level) for name in _SUMMED},
        "round": current,
        "finished": not working,
        "began_at_us": min((row["began_at_us"] for row in rows.values() if row["began_at_us"]), default=0),
        "changed_at_us": max(row["changed_at_us"] for row in rows.values()),
        "targets_per_s": total(row["targets_per_s"] for row in rows.values()),
        "rate_pps": total(row["rate_pps"] for row in rows.values()),
        "seconds_left": last(row["seconds_left"] for row in working),
        "datacenters": {dc: {name: row[name] for name in ("targets", "done", "finished")} for dc, row in rows.items()},
    }


def _ahead(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The slice of a datacenter that is in a later round already, in the round before."""
    return {**row, "handed_out": row["targets"], "done": row["targets"]}
