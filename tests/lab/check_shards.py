"""Was every position done exactly once, and had every shard one owner at a time? Interval arithmetic, pure.

A completion counts when the owner of the shard accepted it; others for the same positions may exist in the data, and
must not count. A tenure is what effects prove: from the first accepted write of an owner's token to its last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from lab.check_leadership import Effect, accepted
from lab.finding import Finding
from lab.intervals import Span, doubled, holes

ONCE, OWNERS = "D every position completed once", "D one owner at a time"
SHOWN = 5


class Work(NamedTuple):
    """What is to be done once: one group's round over one family of a campaign."""

    campaign: str
    round: int
    group: str
    family: int = 4


@dataclass(frozen=True)
class Completion:
    """Positions that a lease was acknowledged for.

    Attributes:
        work: What they belong to.
        span: start <= position < end.
        lease: Under which lease.
        accepted: Whether the owner said yes.
    """

    work: Work
    span: Span
    lease: str
    accepted: bool = True


def unfinished(sizes: dict[Work, int], completions: Iterable[Completion]) -> list[Finding]:
    """Every position of every work has exactly one accepted completion.

    Args:
        sizes: How many positions each work has.
        completions: All that were tried. The same lease and span said twice is one: an answer may be asked for again.
    """
    done: dict[Work, set[tuple[str, Span]]] = {work: set() for work in sizes}
    found = []
    for each in completions:
        if each.accepted and each.work not in sizes:
            found.append(Finding(ONCE, f"{each.work} was never there"))
        elif each.accepted:
            done[each.work].add((each.lease, each.span))
    for work, size in sizes.items():
        found += _of_one(work, [span for _, span in done[work]], size)
    return found


def _of_one(work: Work, spans: Sequence[Span], size: int) -> list[Finding]:
    whole = Span(0, size)
    outside = [span for span in spans if span.start < 0 or span.end > size]
    classes = {"not done": holes(spans, whole), "done twice": doubled(spans, whole), "outside": outside}
    return [
        Finding(ONCE, f"{work}: {int(sum(end - start for start, end in parts))} {name}: {_shown(parts)}")
        for name, parts in classes.items() if parts
    ]


def owners_overlap(effects: Sequence[Effect]) -> list[Finding]:
    """Per shard, the accepted writes of one token end before those of the next begin, in the resource's order."""
    found = []
    for key in sorted({each.key for each in effects}):
        places: dict[str, list[int]] = {}
        for each in accepted(effects, key):
            places.setdefault(f"{each.token} of {each.life[0]}", []).append(each.order)
        spans = sorted((min(orders), max(orders), owner) for owner, orders in places.items())
        found += [
            Finding(OWNERS, f"{key}: {one[2]} still writes at {one[1]}, {other[2]} from {other[0]} on")
            for one, other in pairwise(spans) if other[0] < one[1]
        ]
    return found


def longest_gap_s(tenures: Iterable[Span], whole: Span) -> float:
    """The longest time without an owner, in seconds; from the begin to the end of what was watched."""
    return max((end - start for start, end in holes(tenures, whole)), default=0.0)


def _shown(parts: Sequence[Span]) -> str:
    return ", ".join(f"[{start:g}, {end:g})" for start, end in parts[:SHOWN])
