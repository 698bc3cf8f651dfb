"""Packets that wait for their time, in slots: putting one in and taking the due ones costs the same for any number."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

_NS_PER_S = 1e9


class Wheel:
    """Packets by the slot in which they are due; none leaves early, none more than a slot late. Pure."""

    def __init__(self, slot_ns: int) -> None:
        """Make an empty one with slots of that length."""
        self._slot_ns = slot_ns
        self._slots: dict[int, list[bytes]] = {}
        self._order: list[int] = []

    def add(self, due_ns: NDArray[np.int64], packets: list[bytes]) -> None:
        """Let packets wait.

        Args:
            due_ns: (n,): when each is due, monotonic.
            packets: n packets.
        """
        for slot, packet in zip((-(-due_ns // self._slot_ns)).tolist(), packets, strict=True):
            waiting = self._slots.get(slot)
            if waiting is None:
                self._slots[slot] = [packet]
                heapq.heappush(self._order, slot)
            else:
                waiting.append(packet)

    def due(self, now_ns: int) -> list[bytes]:
        """Take all packets that are due, in the order of their slots."""
        found: list[bytes] = []
        while self._order and self._order[0] * self._slot_ns <= now_ns:
            found += self._slots.pop(heapq.heappop(self._order))
        return found

    def wait_s(self, now_ns: int) -> float | None:
        """Seconds until the next packet is due; None when none waits."""
        return max(0.0, (self._order[0] * self._slot_ns - now_ns) / _NS_PER_S) if self._order else None
