"""Segments as columns: from indexes to addresses for many at once.

Each piece is divided into as many strata as it has samples, and each sample is a hashed choice within its own stratum:
samples of a piece are distinct by construction, spread over it, and the stratum of an address tells its index.
The arithmetic is part of `order_version` 1.

Source of the scaling of a hash to a bound: Lemire 2019, "Fast random integer generation in an interval".
"""

from collections.abc import Sequence

import numpy as np

from hoploom.targets import wide
from hoploom.targets.mixing import U64, mix
from hoploom.targets.permutation import I64
from hoploom.targets.segments import Segment
from hoploom.targets.wide import Wide

_DRAW_BITS = 63
"""Strata of more addresses are drawn in steps: their upper 63 bits by one hash, the rest by another."""

_ZERO = np.uint64(0)
_ONE = np.uint64(1)


class SegmentTable:
    """Columns of all segments of a set, in the order of their addresses. Some 100 bytes a segment."""

    def __init__(self, segments: Sequence[Segment], seed: bytes) -> None:
        """Lay the columns out.

        Args:
            segments: Disjoint segments, sorted, of less than 2**63 targets in all.
            seed: 16 bytes that choose the samples.
        """
        strata = [segment.piece_size // segment.samples for segment in segments]
        steps = [max(0, stratum.bit_length() - _DRAW_BITS) for stratum in strata]
        totals = np.array([segment.total for segment in segments], dtype=np.int64)
        self._firsts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(totals)])
        self._starts = wide.from_ints([segment.start for segment in segments])
        self._pieces = wide.from_ints([segment.piece_size for segment in segments])
        self._samples = np.array([segment.samples for segment in segments], dtype=np.uint64)
        self._strata = wide.from_ints(strata)
        self._longer = np.array([s.piece_size % s.samples for s in segments], dtype=np.uint64)
        self._draws = np.array([stratum >> step for stratum, step in zip(strata, steps, strict=True)], dtype=np.uint64)
        self._steps = np.array(steps, dtype=np.uint64)
        self._keys = np.frombuffer(seed, dtype="<u8").astype(np.uint64)

    def addresses(self, indexes: np.ndarray) -> Wide:
        """The addresses with these indexes.

        Args:
            indexes: int64 array (n,), within the set.

        Returns:
            n addresses.
        """
        at = np.searchsorted(self._firsts, indexes, side="right") - 1
        samples = self._samples[at]
        offset = (indexes - self._firsts[at]).astype(np.uint64)
        piece = offset // samples
        sample = offset - piece * samples
        base = wide.add(self._starts.at(at), wide.scale(self._pieces.at(at), piece))
        inside = wide.scale(self._strata.at(at), sample)
        inside = wide.add(inside, Wide(np.zeros_like(sample), np.minimum(sample, self._longer[at])))
        return wide.add(wide.add(base, inside), self._choices(at, base, sample))

    def indexes_of(self, addresses: Sequence[int]) -> I64:
        """The indexes of many addresses.

        Args:
            addresses: n addresses of the family.

        Returns:
            int64 array (n,): the index of each, -1 where it is no target.
        """
        # Python's own integers in arrays: 128-bit division in steps of 64 bits would be a page of code.
        numbers = np.array(addresses, dtype=object)
        starts = wide.to_objects(self._starts)
        at = np.searchsorted(starts, numbers, side="right") - 1
        known, at = at >= 0, np.maximum(at, 0)
        samples, longer = self._samples[at].astype(object), self._longer[at].astype(object)
        stratum = wide.to_objects(self._strata.at(at))
        offsets, pieces = numbers - starts[at], wide.to_objects(self._pieces.at(at))
        inside = offsets % pieces
        in_longer, size = inside < longer * (stratum + 1), stratum + 1
        sample = np.where(in_longer, inside // size, longer + (inside - longer * size) // stratum)
        indexes = self._firsts[at].astype(object) + offsets // pieces * samples + sample
        known &= (indexes < self._firsts[at + 1]).astype(bool)
        found = np.where(known, indexes, 0).astype(np.int64)
        # Of a stratum only one address is the sample.
        known &= (wide.to_objects(self.addresses(found)) == numbers).astype(bool)
        return np.where(known, found, -1)

    def _choices(self, at: np.ndarray, base: Wide, sample: U64) -> Wide:
        """How far into its stratum each sample lies."""
        steps = self._steps[at]
        sizes = self._draws[at] + ((sample < self._longer[at]) & (steps == _ZERO))
        if not np.any(sizes > _ONE):
            return Wide(np.zeros_like(sample), np.zeros_like(sample))
        hashed = mix(base.low ^ self._keys[0])
        hashed = mix(hashed ^ base.high ^ self._keys[1])
        hashed = mix(hashed + sample)
        drawn = wide.multiply_high(hashed, sizes)
        if not np.any(steps):
            return Wide(np.zeros_like(sample), drawn)
        fine = mix(hashed ^ self._keys[1]) & ((_ONE << steps) - _ONE)
        return wide.add(wide.shift_left(drawn, steps), Wide(np.zeros_like(sample), fine))
