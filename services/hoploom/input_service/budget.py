"""One budget for the whole mesh: packets a second of each campaign, and to each /24 and /48. Pure; time is passed in.

The owner of slot 0, the keeper, has it in memory. Whoever is about to hand out a lease of a campaign with a rate or a
cap asks the keeper first, and tells it of each renewal before the worker is answered; so an allotment never ends before
its lease. It lingers for a second after it: whoever sent within any one second then still counts, and the sum over that
second is within the budget without any tolerance. What makes this true outside this module:

- A worker spaces its packets, also to one network (`lane_pps`), and gives up a call after `GRACE_S`.
- Leases of one pass that are out together share no target. Targets that come again in a pass have rested for
  `LINGER_S` (`cooldown.Cooling`), so one lane is enough for a whole group where a network has one target.
- A taker of slot 0 grants nothing until it knows of all older allotments, from the records of the leases that are out
  (`budget_desk`), or they have ended for sure.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from heapq import heappop, heappush

from hoploom.input_service.allotment import Allotment, Claim
from hoploom.input_service.lanes import Lanes
from hoploom.input_service.leases import GRACE_S, TTL_S

LINGER_S = 1.0
"""An allotment counts so long after its lease: the window in which rates are measured."""

LATELY_S = 30.0
"""Who has asked within a lease's time shares the rate."""

COMING_S = 15.0
"""A campaign's rate is shared as if everybody came until all who are free have asked, long before the first leases end:
the second ones have what nobody came for."""


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
        self._live: dict[str, dict[str, _Live]] = {}
        self._campaigns: dict[str, str] = {}
        self._ends: list[tuple[float, str]] = []
        # In the order of asking.
        self._asked: dict[tuple[str, str], tuple[Claim, float]] = {}
        self._known_since_s: dict[str, float] = {}
        self._lanes = Lanes()

    def all_announced(self) -> None:
        """Every lease that is out is known: granting may begin.

        Whatever somebody still gets from a keeper before has to be thrown away.
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
            self._lanes.leave(claim.one_pass)
            return None
        lane_pps = self._lanes.give(claim, [each for each, _ in self._asked.values()], now_s)
        if lane_pps is None:
            return None
        return self._kept(Allotment(**asdict(claim), rate_pps=rate_pps, lane_pps=lane_pps), now_s)

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
            claim, _ = self._asked.get((allotment.campaign, allotment.worker), (allotment, now_s))
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
        if known is None or known.returned:
            return
        if used:
            until_s = min(known.until_s, now_s + LINGER_S)
            self._put(_Live(known.allotment, until_s, returned=True))
        else:
            self._drop(known.allotment)
            self._asked.pop((known.allotment.campaign, known.allotment.worker), None)

    def expire(self, now_s: float) -> None:
        """Forget what counts no more: allotments that lapsed, and who has not asked for a while."""
        while self._ends and self._ends[0][0] <= now_s:
            until_s, nonce = heappop(self._ends)
            known = self._find(nonce)
            if known is not None and known.until_s == until_s:
                self._drop(known.allotment)
        old = []
        for key, (_, at_s) in self._asked.items():
            if at_s > now_s - LATELY_S:
                break
            old.append(key)
        for key in old:
            del self._asked[key]
        if old:
            self._forget_absent()

    def next_free_s(self, now_s: float) -> float:
        """Seconds until something comes free, as far as that is known; infinite where nothing is allotted."""
        if now_s < self.warm_at_s:
            return self.warm_at_s - now_s
        ends = (each.until_s for live in self._live.values() for each in live.values())
        return max(0.0, min(ends, default=math.inf) - now_s)

    def allotted_pps(self, campaign: str) -> int:
        """Packets a second of a campaign that are given away, with those of leases that ended within a second."""
        return sum(each.allotment.rate_pps for each in self._live.get(campaign, {}).values())

    def lanes(self) -> float:
        """Packets a second that may go to one network at most; infinite with a lease that knows no cap."""
        return self._lanes.taken()

    def _share(self, claim: Claim, now_s: float) -> int:
        """What a worker gets of its campaign's rate, 0 for nothing."""
        left = claim.campaign_pps - self.allotted_pps(claim.campaign)
        if left <= 0:
            return 0
        wants, at_once = self._wants(claim, now_s)
        # Anybody may be among those at once: were the rate for all, at the same level they would have just as much.
        level, extras = fair_level(claim.campaign_pps * len(wants) // at_once, wants)
        mine, above = 0, 0
        for each in self._live.get(claim.campaign, {}).values():
            rate_pps = each.allotment.rate_pps
            if each.allotment.worker != claim.worker:
                above += rate_pps > level
            elif not each.returned:
                mine += rate_pps
        share = min(_want(claim), level + (above < extras))
        return int(max(0, min(share - mine, left)))

    def _wants(self, claim: Claim, now_s: float) -> tuple[list[float], int]:
        """What all want of a campaign's rate, and how many of them may have a lease at the same time."""
        asked = [each for each, _ in self._asked.values() if each.campaign == claim.campaign]
        unknown = 0
        if now_s < self._known_since_s[claim.campaign] + COMING_S:
            unknown = max(0, claim.crowd - len(asked))
        passes = Counter(each.one_pass for each in asked)
        places = {each.one_pass: _at_once(each) for each in asked}
        at_once = unknown + sum(min(number, places[one_pass]) for one_pass, number in passes.items())
        return [*map(_want, asked), *[math.inf] * unknown], at_once

    def _note(self, claim: Claim, now_s: float) -> None:
        key = (claim.campaign, claim.worker)
        self._asked.pop(key, None)
        self._asked[key] = (claim, now_s)
        self._known_since_s.setdefault(claim.campaign, now_s)

    def _forget_absent(self) -> None:
        asked = [claim for claim, _ in self._asked.values()]
        self._lanes.only({each.one_pass for each in asked})
        here = {*self._live, *(each.campaign for each in asked)}
        self._known_since_s = {name: at_s for name, at_s in self._known_since_s.items() if name in here}

    def _find(self, nonce: str) -> _Live | None:
        campaign = self._campaigns.get(nonce)
        return self._live[campaign][nonce] if campaign else None

    def _kept(self, allotment: Allotment, now_s: float) -> Allotment:
        self._put(_Live(allotment, now_s + _lasting_s(allotment.ttl_s)))
        self._lanes.keep(allotment, now_s)
        return allotment

    def _put(self, live: _Live) -> None:
        nonce, campaign = live.allotment.nonce, live.allotment.campaign
        self._campaigns[nonce] = campaign
        self._live.setdefault(campaign, {})[nonce] = live
        heappush(self._ends, (live.until_s, nonce))

    def _drop(self, allotment: Allotment) -> None:
        del self._campaigns[allotment.nonce], self._live[allotment.campaign][allotment.nonce]
        if not self._live[allotment.campaign]:
            del self._live[allotment.campaign]
        self._lanes.drop(allotment)


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


def _at_once(claim: Claim) -> int:
    """How many leases of a pass may be out at once: where each needs a lane, more would only make each slower."""
    lanes_suffice = 0 < claim.per_network <= claim.network_pps
    return min(claim.places, claim.network_pps) if claim.network_pps and not lanes_suffice else claim.places


def _want(claim: Claim) -> float:
    return claim.wanted_pps or math.inf
