"""Slots of probes in flight: which identifier and sequence number is whose, and what became of it. Pure.

One identifier has 65,536 sequence numbers. Where the socket lets us choose, further identifiers are opened as they are
needed, so the number in flight is not bound by 65,536; where the kernel chooses the one (datagram sockets), the
sender waits. A slot is used again only after its probe timed out or its ping ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SEQUENCES = 65_536
FREE, WAITING, REPLIED, REFUSED, UNSENT = range(5)
"""States of a slot: no probe, one without any answer, one with an echo reply, one with an ICMP error alone, one that
could not leave."""
PROBE_BITS = 40
"""An owner is its sender's number above these bits, and the sender's own number of the probe in them."""
PROBE_MASK = (1 << PROBE_BITS) - 1
_IDENTS = 65_536


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
    """A ring of slots, taken in order; 25 bytes each.

    Attributes:
        owners: (s,) int64: number of the probe in each slot, -1 for a free one.
        cookies: (s,) uint64: the 8 bytes that it carries.
        sent_ns: (s,) int64: when it was sent, monotonic clock.
        states: (s,) uint8: one of the states.
    """

    def __init__(self, idents: Sequence[int]) -> None:
        """Begin without any; the first identifier is opened by the first probe.

        Args:
            idents: 16-bit identifiers in the order in which they are opened.
        """
        self._idents = tuple(idents)
        self._first_of = np.empty(0, np.int32)
        self._opened = self._next = 0
        self.owners = np.empty(0, np.int64)
        self.cookies = np.empty(0, np.uint64)
        self.sent_ns = np.empty(0, np.int64)
        self.states = np.empty(0, np.uint8)

    def _open_identifier(self) -> None:
        first = len(self.owners)
        if not first:
            self._first_of = np.full(_IDENTS, -SEQUENCES, np.int32)
        self._first_of[self._idents[self._opened]] = first
        self._opened += 1
        for column in (self.owners, self.cookies, self.sent_ns, self.states):
            # In place: a copy of millions of slots would stop everything, and nobody keeps a part of a column.
            column.resize(first + SEQUENCES, refcheck=False)
        self.owners[first:] = -1

    def find_free(self, most: int) -> Grant:
        """Look for slots; nothing is taken yet.

        Args:
            most: How many would be welcome, at least 1.

        Returns:
            The next slots in order; a size of 0 when the next one is still in flight and no identifier is left to open.
        """
        if self._next == len(self.owners):
            self._next = 0
            if not self._opened:
                self._open_identifier()
        size = self._free_from(self._next, most)
        if not size and self._opened < len(self._idents):
            self._next = len(self.owners)
            self._open_identifier()
            size = min(most, SEQUENCES)
        return Grant(self._next, size, self._idents[self._next // SEQUENCES], self._next % SEQUENCES)

    def _free_from(self, first: int, most: int) -> int:
        count = min(most, SEQUENCES - first % SEQUENCES)
        owners = self.owners[first : first + count]
        return count if owners.max() < 0 else int((owners >= 0).argmax())

    def take(
        self, first: int, owners: NDArray[np.int64], cookies: NDArray[np.uint64], sent_ns: NDArray[np.int64]
    ) -> None:
        """Take the first of the slots that were granted just before; their probes have left.

        Args:
            first: Number of the first slot.
            owners: (n,) numbers >= 0.
            cookies: (n,) what each carries.
            sent_ns: (n,) when each left.
        """
        slots = slice(first, first + len(owners))
        self.owners[slots], self.cookies[slots], self.sent_ns[slots] = owners, cookies, sent_ns
        self.states[slots] = WAITING
        self._next = slots.stop

    def drop(self, slots: NDArray[np.intp]) -> None:
        """The probes in these slots could not leave after all; the slots are released with their neighbours."""
        self.states[slots] = UNSENT

    def waiting(self, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Probes without any answer in slots first..first+count-1, as their owners numbered them; when each left."""
        slots = first + np.flatnonzero(self.states[first : first + count] == WAITING)
        return self.owners[slots] & PROBE_MASK, self.sent_ns[slots]

    def release(self, first: int, count: int) -> None:
        """Free slots, whatever is in them."""
        self.owners[first : first + count] = -1
        self.states[first : first + count] = FREE

    def numbers(self, idents: NDArray[np.uint16], sequences: NDArray[np.uint16]) -> NDArray[np.int64]:
        """The slots of identifiers and sequence numbers; negative where the identifier is none of ours, or unused."""
        if not self._opened:
            return np.full(len(idents), -1, np.int64)
        found: NDArray[np.int64] = np.add(self._first_of[idents], sequences, dtype=np.int64)
        return found
