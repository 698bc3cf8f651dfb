"""From indexes to addresses: members only, distinct, spread, and the inverse."""

import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.targets import wide
from hoploom.targets.ranges import Range, merge
from hoploom.targets.sampling import PerPrefix
from hoploom.targets.segment_table import SegmentTable
from hoploom.targets.segments import cut

SEED = bytes(range(16))

spans = st.tuples(st.integers(0, 3000), st.integers(0, 700)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def laid_out(ranges: list[Range], bits: int, rule: PerPrefix, seed: bytes = SEED) -> tuple[SegmentTable, int]:
    segments = sorted(cut(ranges, bits, rule, seed))
    return SegmentTable(segments, seed), sum(segment.total for segment in segments)


def addresses(table: SegmentTable, indexes: np.ndarray) -> list[int]:
    found = table.addresses(indexes)
    return [wide.to_int(found, place) for place in range(len(indexes))]


@given(st.lists(spans, min_size=1, max_size=8), st.integers(1, 70), st.binary(min_size=16, max_size=16))
def test_samples_are_members_distinct_at_most_k_of_a_cell_and_known_by_index(
    given_ranges: list[Range], samples: int, seed: bytes
) -> None:
    ranges = merge(given_ranges)
    table, n = laid_out(ranges, 32, PerPrefix(26, samples), seed)
    found = addresses(table, np.arange(n))
    assert found == sorted(set(found))
    assert all(any(first <= address <= last for first, last in ranges) for address in found)
    assert max(np.unique(np.array(found) // 64, return_counts=True)[1]) <= samples
    indexes = {address: index for index, address in enumerate(found)}
    asked = [*found[::7], *range(0, 3800, 41)]
    assert table.indexes_of(asked).tolist() == [indexes.get(address, -1) for address in asked]


@pytest.mark.parametrize("prefix", [3, 32, 47, 48, 63, 64, 65, 100, 127])
@pytest.mark.parametrize("samples", [1, 3, 1000])
def test_ipv6_cells_of_any_size_give_distinct_members_that_are_known_by_index(prefix: int, samples: int) -> None:
    first, half = int(ipaddress.IPv6Address("2000::")), 2 ** min(124, 128 - prefix + 20)
    ranges = [(first + 5, first + half - 3), (first + half + 77, first + 2 * half - 1)]
    table, n = laid_out(ranges, 128, PerPrefix(prefix, samples))
    step = max(1, n // 200)
    indexes = np.unique(np.concatenate([np.arange(0, n, step, dtype=np.int64)[:200], np.array([n - 1])]))
    found = addresses(table, indexes)
    assert len(set(found)) == len(found) and found == sorted(found)
    assert all(any(first <= address <= last for first, last in ranges) for address in found)
    assert table.indexes_of(found).tolist() == indexes.tolist()
    assert table.indexes_of([0, first, first + half, 2**128 - 1]).tolist() == [-1, -1, -1, -1]


def test_samples_are_uniform_within_their_cell() -> None:
    table, n = laid_out([(0, 2**24 - 1)], 32, PerPrefix(24, 1))
    tops = np.bincount(np.array(addresses(table, np.arange(n))) % 256, minlength=256)
    # 256 expected of each of 256 values; chi-squared has a mean of 255 and a standard deviation of 23
    assert 150 < float(((tops - 256.0) ** 2 / 256.0).sum()) < 370


def test_the_high_and_low_halves_of_a_large_cell_are_both_reached() -> None:
    table, n = laid_out([(2**125, 2**125 + 2**90 - 1)], 128, PerPrefix(48, 1))
    offsets = [address % 2**80 for address in addresses(table, np.arange(n))]
    for bit in (79, 64, 63, 40, 0):
        assert 400 < sum(offset >> bit & 1 for offset in offsets) < 624, bit


def test_a_cell_keeps_its_samples_when_others_come_and_go() -> None:
    alone, n = laid_out([(1024, 1279)], 32, PerPrefix(24, 4))
    among, _ = laid_out([(0, 4095)], 32, PerPrefix(24, 4))
    assert addresses(alone, np.arange(n)) == addresses(among, np.arange(16, 20))


def test_other_seeds_choose_other_samples() -> None:
    one, n = laid_out([(0, 2**16 - 1)], 32, PerPrefix(24, 1))
    other, _ = laid_out([(0, 2**16 - 1)], 32, PerPrefix(24, 1), bytes(16))
    same = sum(a == b for a, b in zip(*(addresses(table, np.arange(n)) for table in (one, other)), strict=True))
    assert same < 10
