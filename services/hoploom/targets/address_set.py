"""From the index of a target to its address, for one at a time or millions: a `TargetSet` laid out in arrays.

Memory follows the number of blocks, never the number of addresses.
"""

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.notation import IPV4, address_text, parse_address
from hoploom.targets.permutation import I64
from hoploom.targets.segment_table import SegmentTable
from hoploom.targets.target_set import MAX_TARGETS, TargetSet
from hoploom.targets.wide import Wide, to_objects

ADDRESS_BYTES = 16
_MAPPED = np.uint64(0xFFFF << 32)
"""::ffff:0:0/96, under which IPv4 addresses travel (RFC 4291 section 2.5.5.2)."""

_CHUNK = 16_384
"""Indexes worked on at once, so that the scratch arrays stay in a core's cache."""


class AddressSet:
    """The targets of one family, by index.

    Attributes:
        family: 4 or 6.
        n: Number of targets.
    """

    def __init__(self, targets: TargetSet) -> None:
        """Lay a set out.

        Args:
            targets: The set.

        Raises:
            ValueError: It has 2**63 targets or more.
        """
        if targets.n > MAX_TARGETS:
            raise ValueError(f"{targets.n} targets are more than 2**63-1")
        self.family = targets.family
        self.n = targets.n
        self._table = SegmentTable(targets.segments, targets.seed)

    def take(self, indexes: I64) -> NDArray[np.uint8]:
        """The addresses of many targets.

        Args:
            indexes: int64 array (n,), 0 <= index < self.n.

        Returns:
            uint8 array (n, 16) in network byte order; IPv4 as ::ffff:a.b.c.d.

        Raises:
            IndexError: An index is outside the set.
        """
        words = self._words(indexes)
        return words.view(np.uint8).reshape(len(words), ADDRESS_BYTES)

    def texts(self, indexes: I64) -> list[str]:
        """The addresses of many targets as text; see `take`."""
        words = self._words(indexes).astype(np.uint64).tolist()
        low_mask = (1 << 32) - 1 if self.family == IPV4 else (1 << 128) - 1
        return [address_text(self.family, (high << 64 | low) & low_mask) for high, low in words]

    def text(self, index: int) -> str:
        """The address of one target as text; IndexError when the index is outside the set."""
        return self.texts(np.array([index], dtype=np.int64))[0]

    def contains(self, addresses: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of many addresses are targets of this set; an address between two samples is none.

        Args:
            addresses: uint8 array (n, 16) in network byte order, of either family; IPv4 as ::ffff:a.b.c.d.

        Returns:
            Boolean array (n,).
        """
        words = np.ascontiguousarray(addresses, np.uint8).reshape(-1, ADDRESS_BYTES).view(">u8").astype(np.uint64)
        high, low = words[:, 0], words[:, 1]
        mapped = (high == 0) & (low >> np.uint64(32) == _MAPPED >> np.uint64(32))
        if self.family == IPV4:
            low = low & np.uint64(0xFFFFFFFF)
        found = np.zeros(len(words), dtype=np.bool_)
        mine = np.flatnonzero(mapped == (self.family == IPV4))
        found[mine] = self._table.indexes_of(to_objects(Wide(high[mine], low[mine])).tolist()) >= 0
        return found

    def index_of(self, address: str) -> int | None:
        """The index of an address; None when it is no target of this set.

        Args:
            address: An address of either family.

        Raises:
            BadBlock: The text is no address.
        """
        family, number = parse_address(address)
        index = int(self._table.indexes_of([number])[0]) if family == self.family else -1
        return index if index >= 0 else None

    def _words(self, indexes: I64) -> np.ndarray:
        """Addresses as (n, 2) big-endian 64-bit words."""
        if indexes.size and not (0 <= int(indexes.min()) and int(indexes.max()) < self.n):
            raise IndexError(f"outside a set of {self.n} targets")
        words = np.empty((indexes.size, 2), dtype=">u8")
        prefix = _MAPPED if self.family == IPV4 else np.uint64(0)
        for start in range(0, indexes.size, _CHUNK):
            chunk = self._table.addresses(indexes[start : start + _CHUNK])
            words[start : start + _CHUNK, 0] = chunk.high
            words[start : start + _CHUNK, 1] = chunk.low | prefix
        return words
