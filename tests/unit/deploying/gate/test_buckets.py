"""Histograms: sums, differences, quantiles."""

import math

import pytest

from hoploom.deploying.gate.buckets import Buckets, together

INF = math.inf


@pytest.mark.parametrize(
    ("counts", "share", "expected"),
    [
        ({0.1: 0, 0.2: 100, INF: 100}, 0.5, 0.15),
        ({0.1: 100, INF: 100}, 0.99, 0.099),
        ({0.1: 50, INF: 100}, 0.99, 0.1),
        ({INF: 100}, 0.99, None),
        ({0.1: 0, INF: 0}, 0.99, None),
        ({}, 0.99, None),
    ],
    ids=["in the middle of a bucket", "from zero", "beyond the last bound", "without bounds", "empty", "nothing"],
)
def test_a_quantile_lies_evenly_within_its_bucket(
    counts: dict[float, float], share: float, expected: float | None
) -> None:
    assert Buckets(counts).quantile_s(share) == pytest.approx(expected)


def test_two_of_different_bounds_are_added_where_both_have_them() -> None:
    one, other = Buckets({0.1: 1, 0.2: 2, INF: 3}), Buckets({0.2: 5, 0.3: 6, INF: 7})
    assert one.plus(other) == Buckets({0.2: 7, INF: 10}) == together([Buckets(), one, other])


def test_what_came_since_is_never_less_than_nothing() -> None:
    assert Buckets({0.1: 1, INF: 3}).minus(Buckets({0.1: 2, INF: 2})) == Buckets({0.1: 0, INF: 1})


def test_who_took_longer_is_counted_beyond_a_bound_that_is_known() -> None:
    buckets = Buckets({0.1: 1, 0.2: 2, INF: 3})
    assert (buckets.first_bound(0.15), buckets.above(0.2), buckets.above(0.15)) == (0.2, 1, 0)
    assert math.isinf(buckets.first_bound(0.5))
