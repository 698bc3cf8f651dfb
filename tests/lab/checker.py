"""The verdict on a run of leaders: its whole history in, everything that must not have happened out. Pure.

Green proves nothing by itself: the same run with the fence off has to be red.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.check_leadership import (
    Effect,
    Overlap,
    effects_of,
    fallen_back,
    gaps,
    late_beliefs,
    overlaps,
    shared,
    stops,
    tenures,
    unearned,
    unexplained_locks,
)
from lab.finding import Finding
from lab.history import OK, Event, of

RESOURCES = ("sink", "kv")


@dataclass(frozen=True)
class Verdict:
    """What a run of leaders was like.

    Attributes:
        findings: What must not have happened; empty is green.
        acquired: How many terms there were.
        accepted: Effects that counted, of all resources.
        refused: Effects that a resource refused.
        overlaps: Times when two believed at once, which harms nobody where every effect is fenced.
        longest_gap_s: The longest time without an effect between two terms, in seconds.
    """

    findings: tuple[Finding, ...]
    acquired: int
    accepted: int
    refused: int
    overlaps: tuple[Overlap, ...]
    longest_gap_s: float

    def __str__(self) -> str:
        """As a failing test prints it."""
        believed = sum(each.seconds for each in self.overlaps)
        figures = (
            f"{self.acquired} terms, {self.accepted} effects accepted, {self.refused} refused, "
            f"two believed for {believed:.2f} s in all, longest gap {self.longest_gap_s:.2f} s"
        )
        return "\n".join([figures, *map(str, self.findings)])


def verdict(events: Sequence[Event], role: str) -> Verdict:
    """Check one role's history against everything that `check_leadership` knows."""
    found: list[Finding] = [*late_beliefs(events), *unexplained_locks(events)]
    effects: list[Effect] = []
    for resource in RESOURCES:
        taken = effects_of(events, resource)
        found += [*fallen_back(taken), *shared(taken), *unearned(taken, events)]
        effects += taken
    end_s = events[-1].t if events else 0.0
    return Verdict(
        findings=tuple(found),
        acquired=len(of(events, "acquire", OK, key=role)),
        accepted=sum(each.accepted for each in effects),
        refused=sum(not each.accepted for each in effects),
        overlaps=tuple(overlaps(tenures(events, role), stops(events, end_s))),
        longest_gap_s=max((end - start for start, end in gaps(effects_of(events, "sink"), role)), default=0.0),
    )
