"""What became of a campaign, from the batches of every output instance. Pure.

A batch that was sent twice, to whichever instance, counts once: batches are told apart by their id. What two leases
covered twice is counted as duplicates. What a worker probed while its own uplink was dead is suspect, and no result.
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
    ranges: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for each in good:
        ranges.setdefault((each["round"], each["family"]), []).append((each["start"], each["stop"]))
    targets = sum(covered(each) for each in ranges.values())
    handled = sum(each["stop"] - each["start"] for each in good)
    counts = {name: sum(each[name] for each in good) for name in OUTCOMES}
    return Summary(
        targets=targets,
        duplicates=handled - targets,
        suspect=sum(each["rows"] for each in suspect),
        # An output of the version before knows none.
        hops=sum(each.get("hops", 0) for each in good),
        **counts,
    )


def covered(ranges: Iterable[tuple[int, int]]) -> int:
    """How many positions the half-open ranges cover together."""
    total, end = 0, 0
    for start, stop in sorted(ranges):
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total
