"""Whom a request goes to: the least busy one, and how those who have just come are spared."""

import random
from collections import Counter
from dataclasses import dataclass

import pytest

from hoploom.kit import picking


@dataclass(eq=False)
class Stall:
    """Somebody to pick."""

    outstanding: int = 0
    warm_s: float = float("-inf")


def _picks(those: list[Stall], count: int, now_s: float = 0.0) -> Counter[int]:
    chance = random.Random(7).random
    return Counter(those.index(picking.least(those, now_s, chance)) for _ in range(count))


@pytest.mark.parametrize("count", [1, 2, picking.SCAN_MOST])
def test_of_a_few_the_least_busy_one_is_always_asked(count: int) -> None:
    those = [Stall(outstanding=5) for _ in range(count)]
    those[-1].outstanding = 4
    assert _picks(those, 50) == {count - 1: 50}


@pytest.mark.parametrize("count", [3, picking.SCAN_MOST, 40])
def test_of_equals_each_is_asked_about_as_often(count: int) -> None:
    found = _picks([Stall() for _ in range(count)], 400 * count)
    assert min(found[at] for at in range(count)) > 300
    assert max(found.values()) < 500


def test_of_many_two_are_compared_so_the_busiest_is_never_asked() -> None:
    those = [Stall(outstanding=at) for at in range(100)]
    found = _picks(those, 5_000)
    assert found[99] == 0
    # Both draws in the busier half: a quarter, and not the half that one draw would give.
    assert 0.2 < sum(count for at, count in found.items() if at >= 50) / 5_000 < 0.3


AGES = [(0.0, 0.1), (1.0, 0.1), (5.0, 0.5), (9.0, 0.9), (10.0, 1.0)]


@pytest.mark.parametrize(("age_s", "part"), AGES, ids=[f"{age_s:g} s old" for age_s, _ in AGES])
def test_who_has_just_come_is_asked_in_a_part_of_the_draws_that_grows(age_s: float, part: float) -> None:
    those = [Stall(outstanding=3), Stall(outstanding=3), Stall(warm_s=picking.WARM_S)]
    assert _picks(those, 4_000, age_s)[2] / 4_000 == pytest.approx(part, abs=0.03)


def test_where_all_have_just_come_nobody_is_spared() -> None:
    those = [Stall(outstanding=1, warm_s=10.0), Stall(warm_s=10.0)]
    assert _picks(those, 1_000)[1] > 850
