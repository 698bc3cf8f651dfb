"""Merging, subtracting and cutting ranges, against sets of numbers."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.targets import ranges
from hoploom.targets.ranges import Range

LAST = 63
EVERYTHING_IPV6 = (0, 2**128 - 1)

some_ranges = st.lists(
    st.tuples(st.integers(0, LAST), st.integers(0, LAST)).map(lambda pair: (min(pair), max(pair))), max_size=8
)


def numbers(found: list[Range]) -> set[int]:
    return {number for first, last in found for number in range(first, last + 1)}


def is_merged(found: list[Range]) -> bool:
    return all(first <= last for first, last in found) and all(
        one[1] + 1 < other[0] for one, other in pairwise(found)
    )


@given(some_ranges)
def test_merging_keeps_every_number_once(given_ranges: list[Range]) -> None:
    merged = ranges.merge(given_ranges)
    assert is_merged(merged) and numbers(merged) == numbers(given_ranges)
    assert ranges.count(merged) == len(numbers(given_ranges))


@given(some_ranges, some_ranges)
def test_subtracting_and_intersecting_are_those_of_sets(one: list[Range], other: list[Range]) -> None:
    left = ranges.subtract(ranges.merge(one), ranges.merge(other))
    common = ranges.intersect(ranges.merge(one), ranges.merge(other))
    assert is_merged(left) and numbers(left) == numbers(one) - numbers(other)
    assert numbers(common) == numbers(one) & numbers(other)


@given(some_ranges)
def test_blocks_are_aligned_and_hold_the_same_numbers(given_ranges: list[Range]) -> None:
    merged = ranges.merge(given_ranges)
    blocks = [(first, 1 << (6 - prefix)) for first, prefix in ranges.to_blocks(merged, 6)]
    assert all(first % size == 0 for first, size in blocks)
    assert numbers([(first, first + size - 1) for first, size in blocks]) == numbers(merged)


@pytest.mark.parametrize(
    ("name", "given_ranges", "blocks"),
    [
        ("the whole of IPv4 is one block", [(0, 2**32 - 1)], [(0, 0)]),
        ("one address is a /32", [(5, 5)], [(5, 32)]),
        ("an unaligned range falls apart", [(1, 4)], [(1, 32), (2, 31), (4, 32)]),
    ],
)
def test_blocks_are_the_fewest(name: str, given_ranges: list[Range], blocks: list[tuple[int, int]]) -> None:
    assert list(ranges.to_blocks(given_ranges, 32)) == blocks, name


def test_the_whole_of_ipv6_and_ten_thousand_halves_take_no_memory() -> None:
    halves = [(0, 2**31 - 1), (2**31, 2**32 - 1)] * 5000
    tracemalloc.start()
    try:
        assert ranges.merge(halves) == [(0, 2**32 - 1)]
        assert ranges.count(ranges.subtract([EVERYTHING_IPV6], [(1, 1)])) == 2**128 - 1
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
