"""128-bit arithmetic, against Python's own integers."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from hoploom.targets import wide

WORD, WHOLE = 2**64, 2**128

words = st.integers(0, WORD - 1)
wides = st.integers(0, WHOLE - 1)


def u64(number: int) -> np.ndarray:
    return np.array([number], dtype=np.uint64)


@given(wides, wides)
@example(WHOLE - 1, 1)
def test_sums_wrap(one: int, other: int) -> None:
    found = wide.add(wide.from_ints([one]), wide.from_ints([other]))
    assert wide.to_int(found, 0) == (one + other) % WHOLE


@given(words, words)
@example(WORD - 1, WORD - 1)
def test_the_upper_half_of_a_product(one: int, other: int) -> None:
    assert int(wide.multiply_high(u64(one), u64(other))[0]) == one * other // WORD


@given(wides, words)
@example(WHOLE - 1, WORD - 1)
def test_products_wrap(one: int, factor: int) -> None:
    assert wide.to_int(wide.scale(wide.from_ints([one]), u64(factor)), 0) == one * factor % WHOLE


@given(words, st.integers(0, 64))
@example(WORD - 1, 0)
@example(WORD - 1, 64)
def test_shifts_by_any_number_of_bits_of_a_word(number: int, bits: int) -> None:
    assert wide.to_int(wide.shift_left(u64(number), u64(bits)), 0) == number << bits


def test_numbers_are_taken_by_place() -> None:
    assert wide.to_int(wide.from_ints([1, WORD + 2]).at(np.array([1, 0])), 0) == WORD + 2
