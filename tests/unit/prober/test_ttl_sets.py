"""Sets of TTLs as bits, compared with sets of numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.prober.ttl_sets import between, highest, lowest, only

TTLS = st.integers(1, 64)


@given(st.lists(st.sets(TTLS), min_size=1))
def test_highest_and_lowest_are_those_of_the_set(sets: list[set[int]]) -> None:
    masks = np.array([sum(1 << (ttl - 1) for ttl in each) for each in sets], np.uint64)
    assert highest(masks).tolist() == [max(each, default=0) for each in sets]
    assert lowest(masks).tolist() == [min(each, default=0) for each in sets]


@given(TTLS, st.integers(0, 64))
def test_between_has_the_ttls_from_first_to_last(first: int, last: int) -> None:
    found = between(np.array([first]), np.array([last]))
    assert found.tolist() == [sum(1 << (ttl - 1) for ttl in range(first, last + 1))]


@pytest.mark.parametrize(("ttl", "mask"), [(0, 0), (1, 1), (2, 2), (64, 1 << 63)])
def test_only_is_the_set_of_one(ttl: int, mask: int) -> None:
    assert only(np.array([ttl], np.uint8)).tolist() == [mask]
