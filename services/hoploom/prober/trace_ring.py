"""The ring of targets: whose turn it is, never sooner than an interval after the last turn. Pure.

Targets of one network stand far apart in it, so that no router gets a burst of probes for its neighbourhood.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.mixing import mix

_NS_PER_MS = 1_000_000
_MS_PER_S = 1_000
LEAST_LAP_S = 0.005
"""Least time between two turns of a target, whatever the interval: without it, waiting would be a busy loop."""


class Ring:
    """Rows of targets in a scattered order; 8 bytes each."""

    def __init__(self, count: int, interval_s: float, seed: int, now_ns: int) -> None:
        """Begin the first lap.

        Args:
            count: Number of targets.
            interval_s: Least time between two turns of one.
            seed: Any number: another order for each.
            now_ns: Monotonic clock.
        """
        self._rows = np.argsort(mix(np.arange(count, dtype=np.uint64) + np.uint64(seed))).astype(np.int32)
        self._turn_ms = np.zeros(count, np.int32)
        self._interval_ms = -int(-max(interval_s, LEAST_LAP_S) * _MS_PER_S // 1)
        self._start_ns = now_ns - self._interval_ms * _NS_PER_MS
        self._at = 0

    def __len__(self) -> int:
        """Targets that are still in it."""
        return len(self._rows)

    @property
    def is_lap_over(self) -> bool:
        """Whether each had its turn since `begin_lap`."""
        return self._at == len(self._rows)

    def begin_lap(self, is_over: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Begin again without those that are over.

        Args:
            is_over: (n,) for every target there ever was.

        Returns:
            Those that left.
        """
        leaving = is_over[self._rows]
        left, self._rows, self._at = self._rows[leaving], self._rows[~leaving], 0
        return left

    def upcoming(self, now_ns: int, most: int) -> NDArray[np.int32]:
        """The next rows of this lap whose turn may be now, in order."""
        rows = self._rows[self._at : self._at + most]
        # Turns were had in this order, so those that may have one now are the first ones.
        latest_ms = (now_ns - self._start_ns) // _NS_PER_MS - self._interval_ms
        return rows[: np.searchsorted(self._turn_ms[rows], latest_ms, side="right")]

    def had(self, now_ns: int, count: int) -> None:
        """So many of them have their turn now."""
        self._turn_ms[self._rows[self._at : self._at + count]] = (now_ns - self._start_ns) // _NS_PER_MS + 1
        self._at += count

    def next_ns(self) -> int:
        """When the next turn may be had, or 0 where the lap is over."""
        if self.is_lap_over:
            return 0
        return self._start_ns + int(self._turn_ms[self._rows[self._at]] + self._interval_ms) * _NS_PER_MS
