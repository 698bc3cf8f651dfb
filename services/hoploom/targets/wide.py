"""128-bit unsigned arithmetic over numpy arrays, as pairs of 64-bit halves: what IPv6 addresses need and numpy lacks.

Everything wraps modulo 2**128 without warning, as numpy's arrays do.
"""

from typing import NamedTuple

import numpy as np

from hoploom.targets.mixing import U64

_LOW_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_WORD_BITS = 64
_WORD_MASK = (1 << _WORD_BITS) - 1


class Wide(NamedTuple):
    """An array of 128-bit numbers.

    Attributes:
        high: Upper 64 bits, uint64 array.
        low: Lower 64 bits, uint64 array of the same shape.
    """

    high: U64
    low: U64

    def at(self, places: np.ndarray) -> "Wide":
        """The numbers at these places."""
        return Wide(self.high[places], self.low[places])


def from_ints(numbers: list[int]) -> Wide:
    """An array of Python integers, each 0 <= number < 2**128."""
    high = np.array([number >> _WORD_BITS for number in numbers], dtype=np.uint64)
    return Wide(high, np.array([number & _WORD_MASK for number in numbers], dtype=np.uint64))


def to_int(wide: Wide, place: int) -> int:
    """One of the numbers as a Python integer."""
    return int(wide.high[place]) << _WORD_BITS | int(wide.low[place])


def to_objects(wide: Wide) -> np.ndarray:
    """The numbers as an array of Python integers, slow and of any width."""
    found: np.ndarray = wide.high.astype(object) << _WORD_BITS | wide.low.astype(object)
    return found


def add(one: Wide, other: Wide) -> Wide:
    """Sum of two arrays."""
    low = one.low + other.low
    return Wide(one.high + other.high + (low < one.low), low)


def multiply_high(one: U64, other: U64) -> U64:
    """Upper 64 bits of the 128-bit products of two arrays (schoolbook on 32-bit halves)."""
    one_low, one_high = one & _LOW_MASK, one >> _HALF
    other_low, other_high = other & _LOW_MASK, other >> _HALF
    middle = (one_low * other_low >> _HALF) + one_high * other_low
    carry = (middle & _LOW_MASK) + one_low * other_high
    product: U64 = one_high * other_high + (middle >> _HALF) + (carry >> _HALF)
    return product


def scale(wide: Wide, factor: U64) -> Wide:
    """Product of 128-bit numbers and 64-bit factors."""
    return Wide(wide.high * factor + multiply_high(wide.low, factor), wide.low * factor)


def shift_left(numbers: U64, bits: U64) -> Wide:
    """64-bit numbers shifted left by 0 to 64 bits each, as 128-bit numbers."""
    word = np.uint64(_WORD_BITS)
    whole = bits == word
    # a shift by the word's own width is undefined in C: shift by 0 there and choose the right half afterwards
    inside = np.where(whole, np.uint64(0), bits)
    spill = np.where(inside == 0, np.uint64(0), numbers >> np.where(inside == 0, np.uint64(0), word - inside))
    return Wide(np.where(whole, numbers, spill), np.where(whole, np.uint64(0), numbers << inside))
