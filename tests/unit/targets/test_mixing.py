"""The hash behind order and samples."""

import numpy as np
import pytest

from hoploom.targets.mixing import mix

MASK = 2**64 - 1


def plain(number: int) -> int:
    """The same finalizer with Python's integers."""
    number ^= number >> 33
    number = number * 0xFF51AFD7ED558CCD & MASK
    number ^= number >> 33
    number = number * 0xC4CEB9FE1A85EC53 & MASK
    return number ^ number >> 33


@pytest.mark.parametrize("number", [0, 1, 2**63, MASK, 0x0123456789ABCDEF])
def test_it_is_the_published_finalizer(number: int) -> None:
    assert int(mix(np.array([number], dtype=np.uint64))[0]) == plain(number)


def test_one_flipped_bit_flips_about_half_of_the_result() -> None:
    numbers = np.arange(1000, dtype=np.uint64)
    flipped = mix(numbers ^ np.uint64(1)) ^ mix(numbers.copy())
    assert 30 < sum(int(each).bit_count() for each in flipped) / len(flipped) < 34


def test_different_numbers_stay_different() -> None:
    assert len(np.unique(mix(np.arange(100_000, dtype=np.uint64)))) == 100_000
