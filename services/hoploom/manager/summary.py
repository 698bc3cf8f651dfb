"""What became of a campaign, from the batches of every output instance. Pure.

A batch that was sent twice, to whichever instance, counts once: batches are told apart by their id. What two leases
covered twice is counted as duplicates, and its results once: those of the fewest batches that cover the same. What a
worker probed while its own uplink was dead is suspect, and no result.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

OUTCOMES = ("answered", "lost", "unreachable", "failed")


@dataclass(frozen=True)
class Summary:
    """Numbers of one group's pass over a campaign.

    Attributes:
        targets: Different targets that are dealt with: probed, or skipped as an opt-out asks.
        answered: Results with an echo reply, and paths that reached their target.
        lost: Results without any, and paths that ended in silence or in a loop.
        unreachable: Results with an ICMP error.
        failed: Targets that could not be sent to.
        duplicates: Targets of a batch that another one has dealt with.
        suspect: Rows that count for nothing, because their worker's uplink was dead.
        hops: Hops of traceroutes, silent ones and targets among them.
    """

    targets: int = 0
    answered: int = 0
    lost: int = 0
    unreachable: int = 0
    failed: int = 0
    duplicates: int = 0
    suspect: int = 0
    hops: int = 0

    def as_dict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


def summarize(batches: Iterable[Mapping[str, Any]]) -> dict[str, Summary]:
    """Summaries by group.

    Args:
        batches: As the output instances list them, of one campaign; the same id may come from several.
    """
    once = {each["batch"]: each for each in batches}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for each in once.values():
        groups.setdefault(each["group"], []).append(each)
    return {group: _of_group(rows) for group, rows in sorted(groups.items())}


def _of_group(batches: list[Mapping[str, Any]]) -> Summary:
    suspect = [each for each in batches if each.get("suspect")]
    good = [each for each in batches if not each.get("suspect")]
    passes: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for each in good:
        passes.setdefault((each["round"], each["family"]), []).append(each)
    counted = [each for one in passes.values() for each in cover(one)]
    targets = sum(covered((each["start"], each["stop"]) for each in one) for one in passes.values())
    handled = sum(each["stop"] - each["start"] for each in good)
    return Summary(
        targets=targets,
        duplicates=handled - targets,
        suspect=sum(each["rows"] for each in suspect),
        # An output of the version before knows none.
        hops=sum(each.get("hops", 0) for each in counted),
        **{name: sum(each[name] for each in counted) for name in OUTCOMES},
    )


def cover(batches: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The fewest batches that cover all the positions that these do together; neighbours may overlap."""
    chosen: list[Mapping[str, Any]] = []
    best: Mapping[str, Any] | None = None
    end = 0
    for each in sorted(batches, key=lambda batch: (batch["start"], batch["stop"])):
        if best is not None and each["start"] > end:
            chosen.append(best)
            end, best = best["stop"], None
        if each["stop"] > max(end, best["stop"] if best else 0):
            best = each
            end = max(end, each["start"])
    return [*chosen, best] if best is not None else chosen


def covered(ranges: Iterable[tuple[int, int]]) -> int:
    """How many positions the half-open ranges cover together."""
    total, end = 0, 0
    for start, stop in sorted(ranges):
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total
