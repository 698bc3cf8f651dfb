"""One budget for the whole mesh: packets a second of each campaign, and to each /24 and /48. Pure; time is passed in.

The owner of slot 0, the keeper, has it in memory. Whoever is about to hand out a lease of a campaign with a rate or a
cap asks the keeper first, and tells it of each renewal before the worker is answered; so an allotment never ends before
its lease. It lingers for a second after it: whoever sent within any one second then still counts, and the sum over that
second is within the budget without any tolerance. What makes this true outside this module:

- A worker spaces its packets, also to one network (`lane_pps`); it gives up a call after `GRACE_S`.
- Leases of one pass that are out together share no target. Targets that come again in a pass have rested for
  `LINGER_S` (`cooldown.Cooling`), so one lane is enough for a whole group where a network has one sample.
- A taker of slot 0 knows nothing and grants nothing until all older allotments have ended or were announced.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest

from hoploom.input_service.allotment import Allotment, Claim, Pass
from hoploom.input_service.leases import GRACE_S, TTL_S

LINGER_S = 1.0
"""An allotment counts so long after its lease: the window in which rates are measured."""

LATELY_S = 30.0
"""Who has asked within a lease's time shares the rate."""

TURN_S = 30.0
"""A group may go on so long before it lets its leases end for one that waits for lanes."""


@dataclass(frozen=True)
class _Live:
    """An allotment that counts until a time; a returned one is only lingering."""

    allotment: Allotment
    until_s: float
    returned: bool = False


class Budget:
    """All allotments that count now."""

    def __init__(self, began_s: float, longest_ttl_s: int = TTL_S) -> None:
        """Begin with nothing known.

        Args:
            began_s: Now, on the keeper's own clock, as all times here.
            longest_ttl_s: No lease that the keeper before may have allowed lives longer without a renewal.
        """
        self.warm_at_s = began_s + _lasting_s(longest_ttl_s)
        self._longest_ttl_s = longest_ttl_s
        self._live: dict[Pass, dict[str, _Live]] = {}
        self._passes: dict[str, Pass] = {}
        self._asked: dict[tuple[str, str], tuple[Claim, float]] = {}
        self._known_since_s: dict[str, float] = {}
        self._queue: dict[Pass, float] = {}
        self._turns: dict[Pass, float] = {}

    def all_announced(self) -> None:
        """Every owner of a slot has told of all its leases that are out: granting may begin.

        An owner that has done so throws away what it still gets from a keeper before.
        """
        self.warm_at_s = -math.inf

    def take(self, claim: Claim, now_s: float) -> Allotment | None:
        """Allot a part of the budget to a lease.

        Args:
            claim: Who asks for what.
            now_s: Now.

        Returns:
            The allotment, or None: nothing now, see `next_free_s`.

        Raises:
            ValueError: The lease would outlive what the next keeper waits for.
        """
        if claim.ttl_s > self._longest_ttl_s:
            raise ValueError(f"a lease of {claim.ttl_s} s is longer than {self._longest_ttl_s} s")
        self.expire(now_s)
        known = self._find(claim.nonce)
        if known is not None:
            return None if known.returned else self._kept(known.allotment, now_s)
        self._note(claim, now_s)
        rate_pps = self._share(claim, now_s) if claim.campaign_pps else claim.wanted_pps
        if now_s < self.warm_at_s or (claim.campaign_pps and not rate_pps):
            self._queue.pop(claim.one_pass, None)
            return None
        lane_pps = self._lane(claim, now_s)
        if lane_pps is None:
            self._queue.setdefault(claim.one_pass, now_s)
            return None
        if self._queue.pop(claim.one_pass, None) is not None:
            self._turns[claim.one_pass] = now_s
        return self._kept(Allotment(**vars(claim), rate_pps=rate_pps, lane_pps=lane_pps), now_s)

    def renew(self, allotment: Allotment, now_s: float) -> bool:
        """Keep an allotment for another `ttl_s`; to be told before the worker's renewal is answered.

        Args:
            allotment: The whole of it; a keeper that is not warm yet takes over what it does not know.
            now_s: Now.

        Returns:
            Whether it counts on; if not, its lease has to end.
        """
        self.expire(now_s)
        known = self._find(allotment.nonce)
        if known is None:
            going_on = now_s < self.warm_at_s
        else:
            going_on, allotment = not known.returned, replace(known.allotment, ttl_s=allotment.ttl_s)
        if going_on:
            self._kept(allotment, now_s)
            claim, _ = self._asked.get((allotment.campaign, allotment.worker), (allotment, 0.0))
            self._note(claim, now_s)
        return going_on

    def give_back(self, nonce: str, now_s: float, *, used: bool = True) -> None:
        """End an allotment: nobody sends for its lease any more.

        Args:
            nonce: The lease's; an unknown one changes nothing.
            now_s: Now.
            used: Whether anybody may have sent; there was no lease to hand out otherwise.
        """
        known = self._find(nonce)
        if known is None:
            return
        allotment = known.allotment
        if used:
            until_s = known.until_s if known.returned else min(known.until_s, now_s + LINGER_S)
            self._live[allotment.one_pass][nonce] = _Live(allotment, until_s, returned=True)
        else:
            self._drop(known)
            self._asked.pop((allotment.campaign, allotment.worker), None)

    def expire(self, now_s: float) -> None:
        """Forget what counts no more: allotments that lapsed, and who has not asked for a while."""
        for known in [each for live in self._live.values() for each in live.values() if each.until_s <= now_s]:
            self._drop(known)
        self._asked = {key: each for key, each in self._asked.items() if each[1] > now_s - LATELY_S}
        asking = {claim.one_pass for claim, _ in self._asked.values()}
        self._queue = {one_pass: since_s for one_pass, since_s in self._queue.items() if one_pass in asking}
        campaigns = {each.campaign for each in (*self._live, *asking)}
        self._known_since_s = {name: at for name, at in self._known_since_s.items() if name in campaigns}

    def next_free_s(self, now_s: float) -> float:
        """Seconds until something comes free, as far as that is known; infinite where nothing is allotted."""
        if now_s < self.warm_at_s:
            return self.warm_at_s - now_s
        ends = (each.until_s for live in self._live.values() for each in live.values())
        return max(0.0, min(ends, default=math.inf) - now_s)

    def allotted_pps(self, campaign: str) -> int:
        """Packets a second of a campaign that are given away, with those of leases that ended within a second."""
        return sum(each.allotment.rate_pps for each in self._of(campaign))

    def lanes(self) -> float:
        """Packets a second that may go to one network at the most; infinite with a lease that knows no cap."""
        return sum(_need(live.values()) for live in self._live.values())

    # How the rate is shared.

    def _share(self, claim: Claim, now_s: float) -> int:
        """What a worker gets of its campaign's rate, 0 for nothing."""
        wants = [_want(each) for each, _ in self._asked.values() if each.campaign == claim.campaign]
        if now_s < self._known_since_s[claim.campaign] + LATELY_S:
            wants += [math.inf] * (claim.crowd - len(wants))
        level, extras = fair_level(claim.campaign_pps, wants)
        mine, above, allotted = 0, 0, 0
        for each in self._of(claim.campaign):
            rate_pps = each.allotment.rate_pps
            allotted += rate_pps
            if each.allotment.worker != claim.worker:
                above += rate_pps > level
            elif not each.returned:
                mine += rate_pps
        share = min(_want(claim), level + (above < extras))
        return int(max(0, min(share - mine, claim.campaign_pps - allotted)))

    def _note(self, claim: Claim, now_s: float) -> None:
        self._asked[claim.campaign, claim.worker] = (claim, now_s)
        self._known_since_s.setdefault(claim.campaign, now_s)

    # How the lanes to a network are shared.

    def _lane(self, claim: Claim, now_s: float) -> int | None:
        """How many packets a second a lease may send to one network; 0 for no limit, None for nothing now."""
        cap = self._cap(claim)
        if not cap:
            return 0
        ahead = self._ahead(claim.one_pass)
        if ahead and now_s >= self._turns.get(claim.one_pass, now_s) + TURN_S:
            return None
        spare = cap - self.lanes()
        limit = max(0, spare - len(ahead)) if spare > 0 else spare
        mine = self._live.get(claim.one_pass, {}).values()
        lanes = _top(claim.per_network, (each.allotment.lane_pps for each in mine))
        if claim.per_network and len(lanes) == claim.per_network:
            # It takes the place of the smallest: no lease of the pass can share a network with all of these.
            limit += lanes[-1]
        wide = min(self._fair_lane(claim, cap), limit)
        return int(wide) if wide >= 1 else None

    def _cap(self, claim: Claim) -> int:
        """The smallest cap of all who are alive; 0 where there is none."""
        caps = {each.allotment.network_pps for live in self._live.values() for each in live.values()}
        caps |= {each.network_pps for each, _ in self._asked.values()} | {claim.network_pps}
        return min((each for each in caps if each), default=0)

    def _ahead(self, one_pass: Pass) -> list[Pass]:
        """The passes that wait for a lane, before this one does; each has one kept free."""
        waiting = list(self._queue)
        return waiting[: waiting.index(one_pass)] if one_pass in self._queue else waiting

    def _fair_lane(self, claim: Claim, cap: int) -> int:
        """Equal parts of the cap for all leases that may be out at once and share a network."""
        passes = len({*self._live, *self._queue, claim.one_pass})
        workers = sum(each.one_pass == claim.one_pass for each, _ in self._asked.values())
        together = min(claim.per_network or math.inf, max(workers, claim.crowd))
        return max(1, min(claim.per_network or cap, int(cap / (passes * together))))

    # Bookkeeping.

    def _find(self, nonce: str) -> _Live | None:
        one_pass = self._passes.get(nonce)
        return self._live[one_pass][nonce] if one_pass else None

    def _of(self, campaign: str) -> list[_Live]:
        return [each for name, live in self._live.items() if name.campaign == campaign for each in live.values()]

    def _kept(self, allotment: Allotment, now_s: float) -> Allotment:
        one_pass = allotment.one_pass
        self._turns.setdefault(one_pass, now_s)
        self._passes[allotment.nonce] = one_pass
        live = _Live(allotment, now_s + _lasting_s(allotment.ttl_s))
        self._live.setdefault(one_pass, {})[allotment.nonce] = live
        return allotment

    def _drop(self, known: _Live) -> None:
        one_pass = known.allotment.one_pass
        del self._passes[known.allotment.nonce], self._live[one_pass][known.allotment.nonce]
        if not self._live[one_pass]:
            del self._live[one_pass], self._turns[one_pass]


def fair_level(budget: int, wants: Sequence[float]) -> tuple[int, int]:
    """Share a budget so that nobody can get more without somebody getting less who has no more (max-min fairness).

    Args:
        budget: What there is.
        wants: What each wants; infinite for all there is.

    Returns:
        What everybody may have, and how many may have one more.

    Source: Bertsekas & Gallager 1992, "Data Networks", section 6.5.2.
    """
    left = budget
    for number, want in enumerate(sorted(wants)):
        level, extras = divmod(left, len(wants) - number)
        if want > level:
            return level, extras
        left -= int(want)
    return budget, 0


def _lasting_s(ttl_s: int) -> float:
    """How long an allotment counts after it was last heard of.

    Its worker was told within `GRACE_S` of asking that the lease lives for `ttl_s`; the keeper heard in between.
    """
    return ttl_s + GRACE_S + LINGER_S


def _want(claim: Claim) -> float:
    return claim.wanted_pps or math.inf


def _need(live: Iterable[_Live]) -> float:
    """Packets a second that leases of one pass may send to one network, of which so many can have a target in it."""
    allotments = [each.allotment for each in live]
    if any(not each.lane_pps for each in allotments):
        return math.inf
    return sum(_top(allotments[0].per_network, (each.lane_pps for each in allotments)))


def _top(per_network: int, lanes: Iterable[int]) -> list[int]:
    """The widest lanes of leases that may share a network, widest first."""
    return nlargest(per_network, lanes) if per_network else sorted(lanes, reverse=True)
