"""Is the new version slower? How many of its requests took longer than the old one's 99th percentile allows. Pure.

Slow requests come in crowds: an instance that stands still for 0.3 s is slow to all that come meanwhile, in any
version. So what came between one look and the next counts as less than so many requests, by how much its share varies
from look to look (the variance that is measured, over that of requests which are slow one by one).

Source: McCullagh & Nelder 1989, "Generalized linear models", 4.5 (over-dispersion).
"""

import itertools
import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from hoploom.deploying.gate import evidence
from hoploom.deploying.gate.buckets import Buckets, together
from hoploom.deploying.gate.looks import Look
from hoploom.deploying.gate.verdicts import Policy

SLOW = 0.01
"""The share of requests that is slower than a 99th percentile."""

LOOKS_LEAST = 5
"""Fewer tell nothing of crowds."""


@dataclass(frozen=True)
class Slow:
    """How many of a version's requests were too slow.

    Attributes:
        count: Of them.
        of: Requests that were timed.
        most: What would not have been too slow, in words.
        crowd: By how much less they say than as many that were slow one by one, >= 1; None where nobody knows.
    """

    count: float
    of: float
    most: str
    crowd: float | None

    @property
    def is_over(self) -> bool:
        """Whether they were too many, which may be chance."""
        return self.count > SLOW * self.of

    @property
    def is_surely_over(self) -> bool:
        """Whether they were too many by more than chance."""
        return self.crowd is not None and evidence.is_above(self.count / self.crowd, self.of / self.crowd, SLOW)


def slowness(times: tuple[Buckets, Buckets], policy: Policy, courses: "Courses") -> Slow | None:
    """Compare how long two versions took.

    Args:
        times: Of the new and of the old version.
        policy: What may be.
        courses: How they did from look to look.

    Returns:
        None where there is nothing to compare with, or no bound beyond which a request is surely too slow.
    """
    usual_s = times[1].quantile_s(1 - SLOW)
    if usual_s is None or not times[0].total:
        return None
    most_s = usual_s * policy.p99_factor + policy.p99_slack_ms / 1000
    # Only who is surely slower counts: those beyond the next bound that is known.
    bound_s = times[0].first_bound(most_s)
    if math.isinf(bound_s):
        return None
    count, of = times[0].above(bound_s), times[0].total
    crowd = courses.crowd(bound_s) if count > SLOW * of else 1.0
    usual = f"{policy.p99_factor:g} x the old one's {usual_s * 1000:,.0f} + {policy.p99_slack_ms:g}"
    return Slow(count, of, f"{most_s * 1000:,.0f} ms ({usual})", crowd)


@dataclass(frozen=True)
class Courses:
    """Two versions from look to look.

    Attributes:
        looks: All of them, in order.
        new: `address:port` of the new version's instances.
        old: Of the old one's.
        own: Whether their own times are taken, and not the routers'.
    """

    looks: Sequence[Look]
    new: Set[str]
    old: Set[str]
    own: bool

    def crowd(self, bound_s: float) -> float | None:
        """By how much the new version's slow requests come together, or would if they did as the old one's do."""
        steps, usual = (self._steps(targets, bound_s) for targets in (self.new, self.old))
        if len(steps) < LOOKS_LEAST:
            return None
        return max(1.0, variation(steps), 1 + (_mean(steps) - 1) * _likeness(usual))

    def _steps(self, targets: Iterable[str], bound_s: float) -> list[tuple[float, float]]:
        """(too slow, all) between each look and the next."""
        at = [together(self._times(look, each) for each in targets) for look in self.looks]
        counts = [(times.above(bound_s), times.total) for times in at]
        steps = [(later[0] - one[0], later[1] - one[1]) for one, later in itertools.pairwise(counts)]
        return [(max(0.0, slow), of) for slow, of in steps if of > 0]

    def _times(self, look: Look, target: str) -> Buckets:
        seen = look.of(target)
        return seen.own if self.own else seen.routed


def variation(steps: Sequence[tuple[float, float]]) -> float:
    """How much the share varies, over how much it would by chance alone: about 1, and more for crowds."""
    slow, of = (sum(each) for each in zip(*steps, strict=True)) if steps else (0.0, 0.0)
    share = min(1.0, slow / of) if of else 0.0
    if len(steps) < 2 or not 0 < share < 1:  # noqa: PLR2004
        return 1.0
    squares = sum((part - number * share) ** 2 / (number * share * (1 - share)) for part, number in steps)
    return squares / (len(steps) - 1)


def _likeness(steps: Sequence[tuple[float, float]]) -> float:
    """How alike requests of one step are, 0..1: their intraclass correlation."""
    mean = _mean(steps)
    return min(1.0, max(0.0, (variation(steps) - 1) / (mean - 1))) if mean > 1 else 0.0


def _mean(steps: Sequence[tuple[float, float]]) -> float:
    return sum(of for _, of in steps) / len(steps) if steps else 0.0
