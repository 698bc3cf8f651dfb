"""Slots of probes in flight: which identifier and sequence number belongs to which probe. Pure.

One identifier has 65,536 sequence numbers. Where the socket lets us choose, further identifiers are opened as they are
needed, so the number in flight is not bound by 65,536; where the kernel chooses the one (datagram sockets), the
sender waits. A slot is used again only after its probe was answered and closed, or timed out.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

SEQUENCES = 65_536
_FREE = array("q", [-1])
_ITEM_BYTES = _FREE.itemsize
_COOKIE_BYTES = 8


class Grant(NamedTuple):
    """Neighbouring slots of one identifier.

    Attributes:
        first: Number of the first slot.
        size: How many, maybe fewer than asked for, maybe none.
        ident: Their identifier.
        sequence: Sequence number of the first.
    """

    first: int
    size: int
    ident: int
    sequence: int


class Slots:
    """A ring of slots, taken in order; 16 bytes each."""

    def __init__(self, idents: Sequence[int]) -> None:
        """Begin with the first identifier's slots, all free.

        Args:
            idents: 16-bit identifiers in the order in which they are opened.
        """
        self._idents = tuple(idents)
        self._block_of = {ident: block for block, ident in enumerate(self._idents)}
        self._owners = array("q")
        self._cookies = bytearray()
        self._next = 0
        self._open_identifier()

    def _open_identifier(self) -> None:
        self._owners.extend(_FREE * SEQUENCES)
        self._cookies.extend(bytes(SEQUENCES * _COOKIE_BYTES))

    def _is_free(self, first: int, count: int) -> bool:
        return self._owners[first : first + count].tobytes() == b"\xff" * (count * _ITEM_BYTES)

    def find_free(self, most: int) -> Grant:
        """Look for slots; nothing is taken yet.

        Args:
            most: How many would be welcome, at least 1.

        Returns:
            The next slots in order; a size of 0 when those are still in flight and no identifier is left to open.
        """
        if self._next == len(self._owners):
            self._next = 0
        count = min(most, SEQUENCES - self._next % SEQUENCES)
        if not self._is_free(self._next, count):
            if len(self._owners) == len(self._idents) * SEQUENCES:
                return Grant(self._next, 0, 0, 0)
            self._next = len(self._owners)
            self._open_identifier()
            count = min(most, SEQUENCES)
        return Grant(self._next, count, self._idents[self._next // SEQUENCES], self._next % SEQUENCES)

    def take(self, grant: Grant, owners: Sequence[int], cookies: bytes) -> None:
        """Take granted slots.

        Args:
            grant: What `find_free` returned just before.
            owners: A number >= 0 for each slot, returned by `owner`.
            cookies: 8 bytes for each slot.
        """
        first, end = grant.first, grant.first + grant.size
        self._owners[first:end] = array("q", owners)
        self._cookies[first * _COOKIE_BYTES : end * _COOKIE_BYTES] = cookies
        self._next = end

    def release(self, first: int, count: int) -> None:
        """Free slots, whatever is in them."""
        self._owners[first : first + count] = _FREE * count

    def is_ours(self, ident: int) -> bool:
        """Whether an identifier is one of ours."""
        return ident in self._block_of

    def number(self, ident: int, sequence: int) -> int:
        """The slot of one of our identifiers and a sequence number; -1 when that identifier is not open yet."""
        slot = self._block_of[ident] * SEQUENCES + sequence
        return slot if slot < len(self._owners) else -1

    def owner(self, slot: int) -> int:
        """Whose slot it is; -1 when free."""
        return self._owners[slot]

    def cookie(self, slot: int) -> bytes:
        """The 8 bytes that the probe in this slot carries."""
        return bytes(self._cookies[slot * _COOKIE_BYTES : (slot + 1) * _COOKIE_BYTES])
