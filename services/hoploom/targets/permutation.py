"""The order of a round: a keyed permutation of 0 .. n-1 that needs no memory per target.

Any position is computed on its own, forwards and backwards, so a round is resumed from one number, split into ranges,
and asked whether an address was already handed out. The arithmetic is frozen as `order_version` 1 by golden vectors: a
silent change would skip targets.

Source: Black & Rogaway 2002, "Ciphers with arbitrary finite domains" (generalized Feistel, cycle walking).
"""

import hashlib
from collections.abc import Callable
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.keys import KEY_BYTES
from hoploom.targets.mixing import U64, mix

I64 = NDArray[np.int64]

ORDER_VERSION = 1
MAX_N = 2**63 - 1
"""Keeps both halves within 2**32, so that a product of a half and a 32-bit hash fits 64 bits."""

ROUNDS = 8
"""Four make it pseudo-random; small domains (a handful of targets) need more to reach most of their orders."""

_CHUNK = 8192
"""Positions worked on at once: the scratch arrays stay in a core's second-level cache."""

_HALF_BITS = np.uint64(32)


class Permutation:
    """One order of n targets.

    Attributes:
        n: Number of targets.
    """

    def __init__(self, n: int, key: bytes) -> None:
        """Prepare the order.

        Args:
            n: Number of targets, 1 <= n < 2**63.
            key: 16 bytes, see `keys.order_key`.

        Raises:
            ValueError: n or the key's length is out of bounds.
        """
        if not 1 <= n <= MAX_N:
            raise ValueError(f"an order has 1 to 2**63-1 targets, not {n}")
        if len(key) != KEY_BYTES:
            raise ValueError(f"an order's key has {KEY_BYTES} bytes, not {len(key)}")
        self.n = n
        self._a = isqrt(n - 1) + 1
        # a * b is the smallest such rectangle that holds n: at most one position in sqrt(n) has to walk on
        self._b = -(-n // self._a)
        schedule = hashlib.blake2b(key=key, digest_size=8 * ROUNDS, person=b"hoploom-order-1").digest()
        self._keys = np.frombuffer(schedule, dtype="<u8").astype(np.uint64)

    def address_indexes(self, positions: I64) -> I64:
        """The indexes of the targets at these positions.

        Args:
            positions: int64 array of any shape, 0 <= position < n.

        Returns:
            int64 array of the same shape.

        Raises:
            IndexError: A position is outside the order.
        """
        return self._walk(positions, self._forwards)

    def positions(self, indexes: I64) -> I64:
        """Where the targets with these indexes stand in the order; inverse of `address_indexes`.

        Args:
            indexes: int64 array of any shape, 0 <= index < n.

        Returns:
            int64 array of the same shape.

        Raises:
            IndexError: An index is outside the target set.
        """
        return self._walk(indexes, self._backwards)

    def address_index(self, position: int) -> int:
        """The index of the target at one position; see `address_indexes`."""
        return int(self.address_indexes(_one(position))[0])

    def position(self, index: int) -> int:
        """Where one target stands in the order; see `positions`."""
        return int(self.positions(_one(index))[0])

    def _walk(self, numbers: I64, permute: Callable[[U64], U64]) -> I64:
        """Permute in chunks; a number that lands outside 0 .. n-1 is permuted again until it is inside."""
        if numbers.size and not (0 <= int(numbers.min()) and int(numbers.max()) < self.n):
            raise IndexError(f"outside an order of {self.n} targets")
        permuted = np.empty(numbers.size, dtype=np.uint64)
        flat = np.ascontiguousarray(numbers, dtype=np.int64).reshape(-1).view(np.uint64)
        for start in range(0, numbers.size, _CHUNK):
            found = permute(flat[start : start + _CHUNK])
            while (outside := np.flatnonzero(found >= self.n)).size:
                found[outside] = permute(found[outside])
            permuted[start : start + _CHUNK] = found
        return permuted.view(np.int64).reshape(numbers.shape)

    def _forwards(self, numbers: U64) -> U64:
        """All rounds over the rectangle a * b: the halves are changed in turn, each by a hash of the other."""
        right = numbers // np.uint64(self._a)
        left = numbers - right * np.uint64(self._a)
        for number in range(0, ROUNDS, 2):
            left += self._hash(right, number, self._a)
            left -= (left >= self._a) * np.uint64(self._a)
            right += self._hash(left, number + 1, self._b)
            right -= (right >= self._b) * np.uint64(self._b)
        return right * np.uint64(self._a) + left

    def _backwards(self, numbers: U64) -> U64:
        """The rounds of `_forwards` undone from the last to the first."""
        right = numbers // np.uint64(self._a)
        left = numbers - right * np.uint64(self._a)
        for number in range(ROUNDS - 2, -1, -2):
            right += np.uint64(self._b) - self._hash(left, number + 1, self._b)
            right -= (right >= self._b) * np.uint64(self._b)
            left += np.uint64(self._a) - self._hash(right, number, self._a)
            left -= (left >= self._a) * np.uint64(self._a)
        return right * np.uint64(self._a) + left

    def _hash(self, half: U64, number: int, bound: int) -> U64:
        """A number below `bound` from a half and the key of a round: the hash's upper 32 bits, scaled."""
        mixed = mix(half ^ self._keys[number])
        mixed >>= _HALF_BITS
        mixed *= np.uint64(bound)
        mixed >>= _HALF_BITS
        return mixed


def _one(number: int) -> I64:
    """One number as an array; IndexError when no order is that long."""
    if not 0 <= number <= MAX_N:
        raise IndexError(f"{number} is outside every order")
    return np.array([number], dtype=np.int64)
