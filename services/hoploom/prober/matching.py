"""Which probe is each message about? By slot, address and cookie; and which answer is the first of its probe. Pure.

All messages of one reading are dealt with at once. What fits nothing is counted by the caller and dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.arrivals import UDP, Arrivals
from hoploom.prober.packets import COOKIE_BYTES
from hoploom.prober.slots import REFUSED, REPLIED, WAITING, Slots

Rows = slice | NDArray[np.intp]
"""Which rows of a table: all of them, or those with these numbers."""
EARLY_NS = 10_000_000
"""Packets that leave in one call are given times in proportion, so a reply's own may seem to come before, by as much as
the call was interrupted for. A larger difference, or a stamp of the future, comes of a wall clock that was set."""
_ALL = slice(None)
_MASKS = np.frombuffer(
    b"".join((b"\xff" * count).ljust(COOKIE_BYTES, b"\0") for count in range(COOKIE_BYTES + 1)), np.uint64
)
"""Bits of a cookie, by how many of its bytes came back."""


class Found(NamedTuple):
    """Messages, and the slots of the probes that they are about.

    Attributes:
        rows: Rows of `Arrivals`.
        slots: (k,) int64: numbers of slots.
    """

    rows: Rows
    slots: NDArray[np.int64]

    def where(self, is_kept: NDArray[np.bool_]) -> Found:
        """Some of them."""
        if np.count_nonzero(is_kept) == len(is_kept):
            return self
        kept = np.flatnonzero(is_kept)
        return Found(kept if isinstance(self.rows, slice) else self.rows[kept], self.slots[kept])


@dataclass(frozen=True, eq=False)
class Answers:
    """Messages about the probes of one sender: echo replies alone, or ICMP errors alone.

    Attributes:
        probes: (k,) int64: the probe that each is about, by its sender's own number.
        rows: Which rows of `arrivals` these are.
        arrivals: The messages, among others.
        is_first: (k,) bool: whether it is the first reply of its probe; of an error, its first answer of any kind.
        sent_ns: (k,) int64: when the probe was sent, monotonic clock.
        rtt_ns: (k,) int64: from then to the message.
        settled: Probes that have an answer now and had none before.
        at_ns: When they were read, monotonic clock.
    """

    probes: NDArray[np.int64]
    rows: Rows
    arrivals: Arrivals
    is_first: NDArray[np.bool_]
    sent_ns: NDArray[np.int64]
    rtt_ns: NDArray[np.int64]
    settled: int
    at_ns: int

    @property
    def is_reply(self) -> bool:
        """Whether they are echo replies."""
        return bool(self.arrivals.is_reply[self.rows][0])


def find(slots: Slots, arrivals: Arrivals) -> Found:
    """Messages about echo requests with identifiers of ours."""
    numbers = slots.numbers(arrivals.ident, arrivals.sequence)
    return Found(_ALL, numbers).where((numbers >= 0) & (arrivals.protocol != UDP))


def is_meant(found: Found, arrivals: Arrivals, destinations: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each speaks of the address that its probe went to.

    Args:
        found: k messages.
        arrivals: What they say.
        destinations: (k, 2): the 16 bytes of those addresses.
    """
    differing = arrivals.about[found.rows].view(np.uint64) != destinations
    if not np.count_nonzero(differing):
        return np.ones(len(differing), np.bool_)
    result: NDArray[np.bool_] = ~differing.any(axis=1)
    return result


def is_genuine(slots: Slots, found: Found, arrivals: Arrivals) -> NDArray[np.bool_]:
    """Whether each carries its probe's cookie: replies the whole of it, errors as much as they quote."""
    count = arrivals.cookie_bytes[found.rows]
    differing = arrivals.cookie[found.rows].view(np.uint64)[:, 0] ^ slots.cookies[found.slots]
    is_whole = count == COOKIE_BYTES
    if np.count_nonzero(is_whole) < len(count):
        differing = np.where(is_whole | ~arrivals.is_reply[found.rows], differing & _MASKS[count], ~np.uint64(0))
    result: NDArray[np.bool_] = differing == 0
    return result


def rtts_ns(slots: Slots, found: Found, arrivals: Arrivals, now_ns: int) -> NDArray[np.int64]:
    """(k,) time from each probe's sending to its message, by the kernel's stamp, or to now where that is no good."""
    sent_ns, stamp_ns = slots.sent_ns[found.slots], arrivals.stamp_ns[found.rows]
    took_ns = stamp_ns - sent_ns
    is_bad = (took_ns < -EARLY_NS) | (stamp_ns > now_ns)
    if np.count_nonzero(is_bad):
        took_ns[is_bad] = (now_ns - sent_ns)[is_bad]
    np.maximum(took_ns, 0, out=took_ns)
    return took_ns


def settle(slots: Slots, numbers: NDArray[np.int64], *, is_reply: bool) -> tuple[NDArray[np.bool_], int]:
    """Note answers, replies alone or errors alone.

    Args:
        slots: Changed here.
        numbers: (k,) slots that they are about; one may be there several times.
        is_reply: What they are.

    Returns:
        (k,) which are the first (of their probe's replies; of an error, of all answers), and how many probes were
        waiting.
    """
    before, is_first = slots.states[numbers], _first_ones(numbers)
    is_waiting = (before == WAITING) & is_first
    if is_reply:
        slots.states[numbers] = REPLIED
        is_first &= before != REPLIED
    else:
        slots.states[numbers[is_waiting]] = REFUSED
        is_first = is_waiting
    return is_first, int(np.count_nonzero(is_waiting))


def _first_ones(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(k,) which are there for the first time."""
    if np.count_nonzero(numbers[1:] > numbers[:-1]) == len(numbers) - 1:
        return np.ones(len(numbers), np.bool_)
    is_first = np.zeros(len(numbers), np.bool_)
    is_first[np.unique(numbers, return_index=True)[1]] = True
    return is_first
