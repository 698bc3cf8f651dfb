"""The paths of one trace as arrays: which TTLs of each were probed and answered, and which come next. Pure.

A path is probed backward from the TTL before its split and forward from the split on. 45 bytes a target.

Source: Huang, Rabinovich, Al-Dalky, "FlashRoute: Efficient Traceroute on a Massive Scale" (IMC 2020), section 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.hop_log import NOTHING
from hoploom.prober.traces import TraceSettings
from hoploom.prober.ttl_sets import Sets, between, highest, lowest, only

Rows = NDArray[np.integer]
LOOPING, REFUSED, BROKEN, DONE = 1, 2, 4, 8
"""Flags of a path: an interface came twice, somebody on the way refused, a probe could not be sent, all is over."""
_NO_FORWARD = LOOPING | BROKEN
MOST_SPARE = 2
"""Silent hops of a path that are probed once more than was asked for."""
_NONE = np.uint64(0)


class Next(NamedTuple):
    """What comes next on some paths.

    Attributes:
        backward: (k,) TTL to probe next towards us, 0 for none.
        forward: (k,) TTL to probe next towards the target, 0 for none.
        is_over: (k,) nothing is left to probe and nothing is waited for.
    """

    backward: NDArray[np.intp]
    forward: NDArray[np.intp]
    is_over: NDArray[np.bool_]


class Paths:
    """State of every path, a row a target.

    Attributes:
        probed: TTLs that were probed; those that are to be probed again are taken out.
        waiting: TTLs whose probes have no fate yet.
        answered: TTLs that were answered.
        split: Where forward probing begins; 0 before that is known.
        horizon: The largest TTL worth probing: the last hop that answered and the gap; 0 before one did.
        reached: Smallest TTL that the target itself answered, 0 for none.
        end: Smallest TTL at which all is said: the target answered there, or somebody refused to go on.
        joined: TTL at which backward probing met a known interface, 0 for none.
        flags: See `LOOPING` and the others.
        tries: How often the silent hops were probed again.
        sent: Packets that left.
        first_us: When the first did, -1 before.
        newest: Number of the newest answer in the log.
    """

    def __init__(self, count: int, settings: TraceSettings) -> None:
        """Begin with nothing probed.

        Args:
            count: Number of targets.
            settings: How they are probed.
        """
        self._settings = settings
        self.probed, self.waiting, self.answered = (np.zeros(count, np.uint64) for _ in range(3))
        self.split, self.horizon, self.reached, self.joined, self.flags, self.tries = (
            np.zeros(count, np.uint8) for _ in range(6)
        )
        self.end = np.full(count, settings.max_ttl + 1, np.uint8)
        self.sent = np.zeros(count, np.uint16)
        self.first_us = np.full(count, -1, np.int64)
        self.newest = np.full(count, NOTHING, np.int32)

    def next(self, rows: Rows) -> Next:
        """What comes next on these paths."""
        unprobed, last = ~self.probed[rows], self.end[rows].astype(np.intp) - 1
        split, flags = self.split[rows].astype(np.intp), self.flags[rows]
        backward = unprobed & between(self._first(rows), np.minimum(split - 1, last))
        backward[(flags & BROKEN) != 0] = 0
        is_idle = (backward | self.waiting[rows]) == _NONE
        forward = unprobed & between(split, np.minimum(last, self._limit(rows, split, is_idle)))
        forward[(flags & _NO_FORWARD) != 0] = 0
        return Next(highest(backward), lowest(forward), is_idle & (forward == _NONE))

    def _first(self, rows: Rows) -> NDArray[np.intp]:
        """The smallest TTL that is worth probing."""
        return np.maximum(self.joined[rows].astype(np.intp) + 1, self._settings.first_ttl)

    def _limit(self, rows: Rows, split: NDArray[np.intp], is_idle: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The largest TTL that is worth probing.

        Silent hops before the split count as part of the gap, so forward probing waits for backward probing to meet
        the first one that answers, unless the end is known to.
        """
        horizon = self.horizon[rows].astype(np.intp)
        is_told = self.end[rows] <= self._settings.max_ttl
        blind = np.where(is_idle | is_told, split - 1 + self._settings.gap_limit, 0)
        return np.minimum(np.where(horizon, horizon, blind), self._settings.max_ttl)

    def probe(self, rows: Rows, ttl: NDArray[np.intp]) -> None:
        """These TTLs are about to be probed; no row comes twice."""
        sets = only(ttl)
        self.probed[rows] |= sets
        self.waiting[rows] |= sets

    def settle(self, rows: Rows, ttl: NDArray[np.intp]) -> NDArray[np.bool_]:
        """These probes have their fate; returns which of them were waited for. No row comes twice."""
        sets = only(ttl)
        is_due: NDArray[np.bool_] = (self.waiting[rows] & sets) != _NONE
        self.waiting[rows] &= ~sets
        return is_due

    def try_again(self, rows: Rows) -> NDArray[np.bool_]:
        """Take silent hops out of what was probed, if they are worth another attempt; returns which paths have some.

        All are while attempts are left. Beyond that a few between hops that answer are once: most such holes are lost
        packets, and the interface may be on no other path.
        """
        tries = self.tries[rows].astype(np.intp) + 1
        holes = self._holes(rows, self._settings.max_ttl)
        # What answered at the largest TTL went first, and is far behind the others.
        others = self.answered[rows] & ~between(self._settings.max_ttl, self._settings.max_ttl)
        few = holes & between(np.maximum(lowest(others), 1), highest(others))
        few[np.bitwise_count(few) > MOST_SPARE] = 0
        holes[tries >= self._settings.attempts] = 0
        holes |= np.where(tries == self._settings.attempts, few, _NONE)
        self.probed[rows] &= ~holes
        self.tries[rows] += holes != _NONE
        return np.asarray(holes != _NONE)

    def _holes(self, rows: Rows, max_ttl: int) -> Sets:
        """Silent hops on the way to the end, or to where probing stopped."""
        last, flags = self.end[rows].astype(np.intp) - 1, self.flags[rows]
        stopped = np.where((flags & LOOPING) != 0, highest(self.answered[rows]), max_ttl)
        holes = self.probed[rows] & ~self.answered[rows] & between(self._first(rows), np.minimum(last, stopped))
        holes[(flags & BROKEN) != 0] = 0
        return np.asarray(holes)

    def close_in(self, rows: Rows, split: NDArray[np.intp]) -> None:
        """Begin nearer, where an answer tells that everything beyond is the same; 0 tells nothing."""
        now = self.split[rows]
        self.split[rows] = np.where((split > 0) & ((now == 0) | (split < now)), split, now)

    def expire(self, rows: Rows, ttl: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Hops answered that a probe ended there; returns which of them are the nearest of their backward probing."""
        is_nearest = (ttl < self.split[rows]) & (ttl < self._nearest(rows))
        # What answers at the largest TTL shows that something is there, not that all before it is worth probing.
        further = np.where(ttl < self._settings.max_ttl, ttl + self._settings.gap_limit, 0)
        self.horizon[rows] = np.maximum(self.horizon[rows], further)
        self.answered[rows] |= only(ttl)
        return np.asarray(is_nearest)

    def _nearest(self, rows: Rows) -> NDArray[np.intp]:
        found = lowest(self.answered[rows])
        return np.where(found, found, self._settings.max_ttl + 1)

    def reach(self, rows: Rows, ttl: NDArray[np.intp]) -> None:
        """The targets themselves answered."""
        before = self.reached[rows]
        self.reached[rows] = np.where((before == 0) | (ttl < before), ttl, before)
        self._stop(rows, ttl, ttl)

    def refuse(self, rows: Rows, ttl: NDArray[np.intp], away: NDArray[np.intp]) -> None:
        """Somebody said that there is no way on, at this distance or, where that is 0, at one that is not known."""
        self.flag(rows, REFUSED)
        self._stop(rows, ttl, np.where(away, np.minimum(away + 1, ttl), ttl))

    def _stop(self, rows: Rows, ttl: NDArray[np.intp], end: NDArray[np.intp]) -> None:
        self.end[rows] = np.minimum(self.end[rows], end)
        self.answered[rows] |= only(ttl)

    def flag(self, rows: Rows, flag: int) -> None:
        """Set a flag of these paths."""
        self.flags[rows] |= np.uint8(flag)

