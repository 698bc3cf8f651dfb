"""Cutting into cells: at most k of a cell in all, also of a cell in fragments."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.targets.ranges import Range, count, merge
from hoploom.targets.sampling import ALL, PerPrefix
from hoploom.targets.segments import Segment, cut

SEED = bytes(range(16))
CELL = 256


def cut24(ranges: list[Range], samples: int, seed: bytes = SEED) -> list[Segment]:
    return list(cut(ranges, 32, PerPrefix(24, samples), seed))


@pytest.mark.parametrize(
    ("name", "ranges", "samples", "segments"),
    [
        ("whole cells are one segment", [(0, 4 * CELL - 1)], 2, [Segment(0, CELL, 2, 4)]),
        ("more samples than addresses take all", [(0, CELL - 1)], 300, [Segment(0, CELL, CELL, 1)]),
        ("a fragment is a piece of its own", [(7, 9)], 1, [Segment(7, 3, 1, 1)]),
        ("a small fragment gives what it has", [(7, 9)], 5, [Segment(7, 3, 3, 1)]),
        (
            "head, whole cells, tail",
            [(255, 3 * CELL)],
            1,
            [Segment(255, 1, 1, 1), Segment(CELL, CELL, 1, 2), Segment(3 * CELL, 1, 1, 1)],
        ),
        ("two cells and no whole one", [(250, 260)], 1, [Segment(250, 6, 1, 1), Segment(256, 5, 1, 1)]),
    ],
)
def test_ranges_are_cut_at_cells(name: str, ranges: list[Range], samples: int, segments: list[Segment]) -> None:
    assert cut24(ranges, samples) == segments, name


def test_every_address_is_one_piece_a_range() -> None:
    assert list(cut([(3, 700), (900, 901)], 32, ALL, SEED)) == [Segment(3, 698, 698, 1), Segment(900, 2, 2, 1)]


@given(
    st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 90)).map(lambda p: (p[0], p[0] + p[1])), max_size=20),
    st.integers(1, 300),
)
def test_each_cell_gives_as_many_as_asked_or_all_that_it_has(given_ranges: list[Range], samples: int) -> None:
    ranges = merge(given_ranges)
    has: Counter[int] = Counter(number // CELL for first, last in ranges for number in range(first, last + 1))
    taken: Counter[int] = Counter()
    for segment in cut24(ranges, samples):
        assert 1 <= segment.samples <= segment.piece_size
        for piece in range(segment.pieces):
            taken[(segment.start + piece * segment.piece_size) // CELL] += segment.samples
    if samples < CELL:
        assert taken == {cell: min(samples, size) for cell, size in has.items()}
    else:
        assert sum(taken.values()) == count(ranges)


def test_which_fragment_of_a_cell_is_chosen_hangs_on_the_seed_and_its_size() -> None:
    fragments = [(0, 9), (100, 189)]
    chosen = Counter(cut24(fragments, 1, seed.to_bytes(16, "big"))[0].start for seed in range(1000))
    assert set(chosen) == {0, 100}
    assert 60 <= chosen[0] <= 140


def test_a_sampled_ipv6_internet_is_a_single_segment() -> None:
    assert list(cut([(2**125, 2**126 - 1)], 128, PerPrefix(48, 1), SEED)) == [Segment(2**125, 2**80, 1, 2**45)]
