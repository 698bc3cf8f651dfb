"""The ring: everybody has a turn on each lap, never two within an interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hoploom.prober.trace_ring import Ring

MS = 1_000_000
NOBODY = np.zeros(1_000, np.bool_)


def take(ring: Ring, now_ns: int, most: int) -> NDArray[np.int32]:
    rows = ring.upcoming(now_ns, most).copy()
    ring.had(now_ns, len(rows))
    return rows


def test_a_lap_has_everybody_once_in_a_scattered_order() -> None:
    ring = Ring(1_000, 0.5, 3, 0)
    rows = take(ring, 0, 5_000).tolist()
    assert sorted(rows) == list(range(1_000)) and ring.is_lap_over
    steps = np.abs(np.diff(rows))
    assert np.mean(steps < 10) < 0.05


def test_another_seed_is_another_order() -> None:
    assert take(Ring(100, 0.5, 1, 0), 0, 100).tolist() != take(Ring(100, 0.5, 2, 0), 0, 100).tolist()


@pytest.mark.parametrize(("interval_s", "gap_ms"), [(0.5, 500), (0.0, 5), (0.0101, 11)])
def test_nobody_has_two_turns_within_an_interval(interval_s: float, gap_ms: int) -> None:
    ring = Ring(4, interval_s, 0, 7 * MS)
    first, second = take(ring, 7 * MS, 2), take(ring, 9 * MS, 2)
    ring.begin_lap(NOBODY[:4])
    assert not len(take(ring, (7 + gap_ms) * MS, 4)), "a started millisecond counts as one that has passed"
    assert take(ring, (8 + gap_ms) * MS, 4).tolist() == first.tolist()
    assert ring.next_ns() == (10 + gap_ms) * MS
    assert take(ring, ring.next_ns(), 4).tolist() == second.tolist()


def test_only_those_that_had_a_turn_count() -> None:
    ring = Ring(10, 0.5, 0, 0)
    rows = ring.upcoming(0, 6).tolist()
    ring.had(0, 2)
    assert ring.upcoming(0, 4).tolist() == rows[2:]


def test_those_that_are_over_leave_at_the_end_of_the_lap() -> None:
    ring, is_over = Ring(10, 0.5, 0, 0), np.arange(10) % 2 == 0
    take(ring, 0, 10)
    assert sorted(ring.begin_lap(is_over).tolist()) == [0, 2, 4, 6, 8]
    assert sorted(take(ring, 10**9, 10).tolist()) == [1, 3, 5, 7, 9]
    ring.begin_lap(~NOBODY[:10])
    assert len(ring) == 0 and ring.is_lap_over


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 9)), max_size=60), st.integers(0, 30))
def test_turns_keep_their_distance_whatever_the_pace(steps: list[tuple[int, int]], count: int) -> None:
    ring, last, now_ms = Ring(count, 0.3, 1, 0), dict[int, int](), 0
    for wait_ms, most in steps:
        now_ms += wait_ms
        if ring.is_lap_over:
            ring.begin_lap(NOBODY[:count])
        for row in take(ring, now_ms * MS, most).tolist():
            assert now_ms - last.get(row, -300) >= 300
            last[row] = now_ms
