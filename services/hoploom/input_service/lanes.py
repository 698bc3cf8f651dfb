"""How many packets a second may go to one /24 or /48, over all campaigns and groups. Pure; time is passed in.

Nobody keeps books of networks: there may be 2**29 of them. A cap of C packets a second is C lanes that all networks
have alike. A lease takes as many as it may send to one network. Leases of one pass share no target, so a pass takes
the lanes of only so many of its leases as a network has targets: a whole group needs one where that is one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from heapq import nlargest
from typing import NamedTuple

from hoploom.input_service.allotment import Allotment, Claim, Pass

TURN_S = 30.0
"""A group may go on so long before it lets its leases end for one that waits for lanes."""


class _Taken(NamedTuple):
    """What the leases of a pass take together.

    Attributes:
        lanes: Packets a second to any one network at most; infinite with a lease that knows no cap.
        cap: The smallest of their caps; infinite for none.
    """

    lanes: float
    cap: float


class Lanes:
    """The lanes that are taken, and the passes that wait for one."""

    def __init__(self) -> None:
        """Begin with all of them free."""
        self._live: dict[Pass, dict[str, Allotment]] = {}
        self._taken: dict[Pass, _Taken] = {}
        self._turns: dict[Pass, float] = {}
        self._queue: dict[Pass, None] = {}

    def taken(self) -> float:
        """Packets a second that may go to one network at most; infinite with a lease that knows no cap."""
        return sum(each.lanes for each in self._taken.values())

    def keep(self, allotment: Allotment, now_s: float) -> None:
        """Note what a lease has; again changes nothing."""
        one_pass = allotment.one_pass
        live = self._live.setdefault(one_pass, {})
        if allotment.nonce not in live:
            live[allotment.nonce] = allotment
            self._taken[one_pass] = _of(live.values())
        self._turns.setdefault(one_pass, now_s)

    def drop(self, allotment: Allotment) -> None:
        """Nothing can be sent any more within a second of what others send."""
        one_pass = allotment.one_pass
        live = self._live[one_pass]
        del live[allotment.nonce]
        if live:
            self._taken[one_pass] = _of(live.values())
        else:
            del self._live[one_pass], self._taken[one_pass], self._turns[one_pass]

    def give(self, claim: Claim, asked: Collection[Claim], now_s: float) -> int | None:
        """How many packets a second a lease may send to one network; where there are none its pass waits.

        Args:
            claim: Who asks.
            asked: The claims of everybody who has asked lately, this one included.
            now_s: Now, on the keeper's own clock.

        Returns:
            Packets a second, 0 for no limit; None for nothing now.
        """
        cap = min((each.network_pps for each in asked if each.network_pps), default=math.inf)
        cap = min(cap, *(each.cap for each in self._taken.values()), math.inf)
        if cap == math.inf:
            return 0
        width = self._width(claim, asked, int(cap), now_s)
        if width < 1:
            self._queue.setdefault(claim.one_pass)
            return None
        if claim.one_pass in self._queue:
            del self._queue[claim.one_pass]
            self._turns[claim.one_pass] = now_s
        return width

    def leave(self, one_pass: Pass) -> None:
        """A pass does not wait any more."""
        self._queue.pop(one_pass, None)

    def only(self, asking: Collection[Pass]) -> None:
        """Nobody waits but these."""
        self._queue = {each: None for each in self._queue if each in asking}

    def _width(self, claim: Claim, asked: Collection[Claim], cap: int, now_s: float) -> int:
        """The lanes of a lease, below 1 for nothing now."""
        one_pass = claim.one_pass
        waiting = list(self._queue)
        ahead = waiting.index(one_pass) if one_pass in self._queue else len(waiting)
        if ahead and now_s >= self._turns.get(one_pass, now_s) + TURN_S:
            return 0
        spare = cap - self.taken()
        room = max(0, spare - ahead) if spare > 0 else spare
        lanes = _widest(claim.per_network, self._live.get(one_pass, {}).values())
        if claim.per_network and len(lanes) == claim.per_network:
            # It takes the place of the narrowest: no network can have a target in more leases of the pass.
            room += lanes[-1]
        return int(max(0, min(self._fair(claim, asked, cap), room)))

    def _fair(self, claim: Claim, asked: Collection[Claim], cap: int) -> int:
        """Equal parts of the cap for all leases that may be out at once and share a network; at least 1."""
        passes = len({*self._live, *self._queue, claim.one_pass})
        workers = sum(each.one_pass == claim.one_pass for each in asked)
        together = min(claim.per_network or math.inf, claim.places, max(workers, claim.crowd))
        return max(1, min(claim.per_network or cap, int(cap / (passes * together))))


def _of(live: Collection[Allotment]) -> _Taken:
    cap = min((each.network_pps for each in live if each.network_pps), default=math.inf)
    if not all(each.lane_pps for each in live):
        return _Taken(math.inf, cap)
    return _Taken(sum(_widest(next(iter(live)).per_network, live)), cap)


def _widest(per_network: int, live: Iterable[Allotment]) -> list[int]:
    """The lanes of those leases of a pass that may share a network, widest first."""
    lanes = (each.lane_pps for each in live)
    return nlargest(per_network, lanes) if per_network else sorted(lanes, reverse=True)
