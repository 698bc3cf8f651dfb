"""Probes in flight: out with a slot and a cookie, answers checked and told. For pings and traceroutes alike.

A probe is known again by its slot, the address it went to and eight secret bytes in its payload. Whoever sends
registers itself and is told its answers; what fits nothing is counted and dropped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hoploom.prober import matching
from hoploom.prober.arrivals import Arrivals
from hoploom.prober.cookies import Cookies
from hoploom.prober.matching import Answers, Found
from hoploom.prober.port import Emitted, Outlet
from hoploom.prober.probes import Statistics
from hoploom.prober.slots import PROBE_BITS, PROBE_MASK, Grant, Slots

MESSAGE_BYTES = 1_024
"""What the system books for a waiting message beyond twice its length (Linux: 768 to 832 for a short one)."""
MOST_SENDERS = 1 << 63 - PROBE_BITS
"""Their numbers stand in owners of slots, 64 bits with a sign; a worker comes to the end of them in some months."""


class Sender(Protocol):
    """Whoever sends probes.

    Attributes:
        timeout_ns: Age at which a reply comes too late.
    """

    timeout_ns: int

    def destinations(self, probes: NDArray[np.int64]) -> NDArray[np.uint64]:
        """(k, 2): the 16 bytes of the address that each probe went to."""
        ...

    def answered(self, answers: Answers) -> None:
        """Answers came, at least one."""
        ...


Build = Callable[[Grant, NDArray[np.uint64]], NDArray[np.uint8]]
"""Makes the packets of slots, given 8 bytes of cookie for each."""


class Departure(NamedTuple):
    """Probes that are to be sent.

    Attributes:
        probes: (n,) int64: the sender's own numbers, of at most `PROBE_BITS` bits.
        targets: (n, 16) bytes.
        build: Makes the packets.
        ttls: (n,) uint8, or None for the system's own.
        tos: Type of service or traffic class.
    """

    probes: NDArray[np.int64]
    targets: NDArray[np.uint8]
    build: Build
    ttls: NDArray[np.uint8] | None = None
    tos: int = 0


class Launch(NamedTuple):
    """What became of probes that were to be sent.

    Attributes:
        slot: Number of the first one's slot; the others follow. The slots of those that were dealt with are to be
            released by the sender.
        emitted: What became of each that was dealt with, maybe none; the others found no slot, or no room in the
            system's queue.
    """

    slot: int
    emitted: Emitted


class Launches:
    """Probes in flight, and who waits for what of them. What answers are read from is for subclasses to say.

    Attributes:
        outlets: What probes leave by, for each family, 4 or 6.
        slots: By family.
        statistics: Counters.
    """

    def __init__(self, outlets: Mapping[int, Outlet], slots: Mapping[int, Slots], statistics: Statistics) -> None:
        """Launch nothing yet.

        Args:
            outlets: By family.
            slots: By family.
            statistics: Counters, kept up to date here.
        """
        self.outlets, self.slots, self.statistics = outlets, slots, statistics
        self._cookies = Cookies((int.from_bytes(os.urandom(8), "big"), int.from_bytes(os.urandom(8), "big")))
        self._senders: dict[int, Sender] = {}
        self._next_number = 0

    def close(self) -> None:
        """Close the outlets."""
        for outlet in self.outlets.values():
            outlet.close()

    def enter(self, sender: Sender) -> int:
        """Register a sender; returns its number here."""
        number = self._next_number
        while number in self._senders:
            number = (number + 1) % MOST_SENDERS
        self._senders[number], self._next_number = sender, (number + 1) % MOST_SENDERS
        return number

    def leave(self, number: int) -> None:
        """Forget a sender that has released all its slots."""
        del self._senders[number]

    def room(self, family: int, size_bytes: int) -> int:
        """How many answers of a size may wait unread, at least 1."""
        return max(1, self.outlets[family].buffer_bytes // (MESSAGE_BYTES + 2 * size_bytes))

    def launch(self, number: int, family: int, departure: Departure) -> Launch:
        """Send probes in order, as far as there are slots and room.

        Args:
            number: The sender's.
            family: 4 or 6; there is an outlet for it.
            departure: The probes, at least one.

        Raises:
            Unavailable: The socket broke.
        """
        slots = self.slots[family]
        grant = slots.find_free(len(departure.probes))
        if not grant.size:
            return Launch(grant.first, Emitted(np.empty(0, np.int16), np.empty(0, np.int64)))
        cookies = self._cookies.take(grant.size)
        packets, ttls = departure.build(grant, cookies), departure.ttls
        ttls = None if ttls is None else ttls[: grant.size]
        emitted = self.outlets[family].send(packets, departure.targets[: grant.size], ttls, departure.tos)
        count = len(emitted.errors)
        owners = departure.probes[:count] + (number << PROBE_BITS)
        slots.take(grant.first, owners, cookies[:count], emitted.sent_ns)
        self.statistics.sent += count
        if np.count_nonzero(emitted.errors):
            refused = np.flatnonzero(emitted.errors)
            slots.drop(grant.first + refused)
            self.statistics.sent -= len(refused)
            self.statistics.send_errors += len(refused)
        return Launch(grant.first, emitted)

    def check(self, slots: Slots, found: Found, arrivals: Arrivals, sender: Sender) -> None:
        """Check messages about one sender's slots, and tell it those that are true."""
        probes = slots.owners[found.slots] & PROBE_MASK
        is_meant = matching.is_meant(found, arrivals, sender.destinations(probes))
        is_true = is_meant & matching.is_genuine(slots, found, arrivals)
        true = found.where(is_true)
        if true is not found:
            foreign = len(is_meant) - int(np.count_nonzero(is_meant))
            self.statistics.foreign += foreign
            self.statistics.unmatched += len(is_meant) - len(true.slots) - foreign
        is_reply = arrivals.is_reply[true.rows]
        replies = true.where(is_reply)
        if len(replies.slots):
            self._settle(slots, replies, arrivals, sender, is_reply=True)
        if replies is not true:
            self._settle(slots, true.where(~is_reply), arrivals, sender, is_reply=False)

    def _settle(self, slots: Slots, found: Found, arrivals: Arrivals, sender: Sender, *, is_reply: bool) -> None:
        now_ns = time.monotonic_ns()
        rtt_ns = matching.rtts_ns(slots, found, arrivals, now_ns)
        if is_reply and rtt_ns.max() > sender.timeout_ns:
            in_time = found.where(rtt_ns <= sender.timeout_ns)
            self.statistics.unmatched += len(found.slots) - len(in_time.slots)
            found, rtt_ns = in_time, rtt_ns[rtt_ns <= sender.timeout_ns]
            if not len(rtt_ns):
                return
        is_first, settled = matching.settle(slots, found.slots, is_reply=is_reply)
        if is_reply:
            first = int(np.count_nonzero(is_first))
            self.statistics.received += first
            self.statistics.duplicates += len(is_first) - first
        else:
            self.statistics.errors += len(is_first)
        probes, sent_ns = slots.owners[found.slots] & PROBE_MASK, slots.sent_ns[found.slots]
        sender.answered(Answers(probes, found.rows, arrivals, is_first, sent_ns, rtt_ns, settled, now_ns))
