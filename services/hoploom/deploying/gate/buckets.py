"""A histogram of Prometheus: how many took no longer than each bound. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce


@dataclass(frozen=True)
class Buckets:
    """Cumulative counts by upper bound, seconds; the last bound is infinite and counts all."""

    counts: Mapping[float, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """How many were measured."""
        return self.counts.get(math.inf, 0.0)

    def plus(self, other: "Buckets") -> "Buckets":
        """Both together, at the bounds that both have; one that measured nothing has them all."""
        if not self.counts or not other.counts:
            return self if self.counts else other
        return Buckets({bound: self.counts[bound] + other.counts[bound] for bound in _common(self, other)})

    def minus(self, other: "Buckets") -> "Buckets":
        """What came since; never less than nothing."""
        if not other.counts:
            return self
        return Buckets({bound: max(0.0, self.counts[bound] - other.counts[bound]) for bound in _common(self, other)})

    def above(self, bound_s: float) -> float:
        """How many took longer than one of the bounds; 0 where it is none."""
        return max(0.0, self.total - self.counts.get(bound_s, self.total))

    def first_bound(self, at_least_s: float) -> float:
        """The least bound that is not below so many seconds; infinite where there is none."""
        return min((bound for bound in self.counts if bound >= at_least_s), default=math.inf)

    def quantile_s(self, share: float) -> float | None:
        """Seconds within which such a share of them was done, evenly spread within a bucket; None for none measured.

        Beyond the last finite bound it is that bound.

        Source: Prometheus, "Query functions": histogram_quantile.
        """
        if self.total <= 0:
            return None
        wanted, below, before = share * self.total, 0.0, 0.0
        for bound in sorted(self.counts):
            count = self.counts[bound]
            if count >= wanted:
                if math.isinf(bound):
                    break
                part = (wanted - before) / (count - before) if count > before else 1.0
                return below + (bound - below) * part
            below, before = bound, count
        return below or None


def together(each: Iterable[Buckets]) -> Buckets:
    """All of them in one."""
    return reduce(Buckets.plus, each, Buckets())


def _common(one: Buckets, other: Buckets) -> list[float]:
    return sorted(one.counts.keys() & other.counts.keys())
