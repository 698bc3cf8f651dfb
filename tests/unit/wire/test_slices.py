"""Slices: every position and every packet of a budget is some datacenter's, and no two have the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.wire.slices import cut, read, share

NAMES = st.sampled_from([f"dc{number}" for number in range(9)])
PROPORTIONS = st.dictionaries(NAMES, st.integers(1, 10**6 - 1), min_size=1)
GOLDEN = {"dc1": (0, 1365), "dc2": (1365, 4096)}


@given(proportions=PROPORTIONS, total=st.integers(0, 2**53))
def test_the_slices_follow_each_other_without_a_gap_and_without_an_overlap(
    proportions: dict[str, int], total: int
) -> None:
    spans = [cut(proportions, dc, total) for dc in sorted(proportions)]
    assert [start for start, _ in spans] == [0, *(stop for _, stop in spans[:-1])]
    assert spans[-1][1] == total
    assert sum(share(proportions, dc, total) for dc in proportions) == total


@given(proportions=PROPORTIONS, total=st.integers(0, 2**53))
def test_a_slice_is_as_large_as_its_part_says(proportions: dict[str, int], total: int) -> None:
    whole = sum(proportions.values())
    for dc, part in proportions.items():
        assert abs(share(proportions, dc, total) - total * part / whole) < 1 + total / 2**50


@pytest.mark.parametrize("dc", ["dc1", "dc2"])
def test_where_a_slice_begins_never_changes(dc: str) -> None:
    assert cut({"dc2": 2, "dc1": 1}, dc, 4096) == GOLDEN[dc]


def test_a_datacenter_that_is_not_named_has_nothing() -> None:
    start, stop = cut({"dc1": 1, "dc3": 1}, "dc2", 4096)
    assert start == stop


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"dc1": 0}, Unprocessable),
        ({"dc1": 10**6}, Unprocessable),
        ({"dc1": "1"}, BadRequest),
        ({"dc1": True}, BadRequest),
        ({"DC1": 1}, Unprocessable),
        ({"": 1}, Unprocessable),
        ({"dc/1": 1}, Unprocessable),
        ({f"dc{number}": 1 for number in range(65)}, Unprocessable),
    ],
)
def test_what_is_no_proportion_is_refused(document: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        read(document)
