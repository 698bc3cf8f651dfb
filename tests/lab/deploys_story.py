"""A failure's story: what failed in each second, and what was done and seen around it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import floor

from lab.deploys_diary import Happened
from lab.deploys_outcome import Outcome
from vegeta import Sent

BEFORE_S, AFTER_S = 5, 1
"""Whose causes are told: a check waits 2 s and is asked every second, and then routers read what it says."""

MOST = 40
"""Lines: who reads it wants the first failures, and how it went on."""


def story(outcome: Outcome) -> list[str]:
    """What failed by the second, counted from the moment when the work began; nothing where nothing did."""
    failed = [*outcome.quiet.account.failed, *outcome.during.account.failed]
    lines = list(_lines(failed, outcome.happened, outcome.began_s))
    return lines if len(lines) <= MOST else [*lines[:MOST], f"... and {len(lines) - MOST} lines more"]


def _lines(failed: Sequence[Sent], happened: Iterable[Happened], began_s: float) -> Iterator[str]:
    by_second = defaultdict[int, Counter[str]](Counter)
    for each in failed:
        by_second[floor(each.at_s - began_s)][each.kind] += 1
    if not by_second:
        return
    near = {number for second in by_second for number in range(second - BEFORE_S, second + AFTER_S + 1)}
    done = defaultdict[int, list[Happened]](list)
    for one in happened:
        done[floor(one.at_s - began_s)].append(one)
    told = sorted(second for second in near if by_second.get(second) or done.get(second))
    for second, following in pairwise([*told, None]):
        assert second is not None
        yield from (f"{one.at_s - began_s:+8.1f} s  {one.words}" for one in done.get(second, ()))
        kinds = by_second.get(second)
        if kinds:
            yield f"{second:+6d}   s  FAILED {', '.join(f'{count} x {kind}' for kind, count in kinds.most_common())}"
        if following is not None and following - second > BEFORE_S:
            yield "           ..."
