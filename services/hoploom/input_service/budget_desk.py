"""The way to the mesh's budget: the owner of slot 0 keeps it in memory, everybody else asks that one.

Only leases of campaigns with a rate or a cap per network need it. The keeper's word comes before the lease is handed
out, and before a renewal is answered; while the keeper is away, such leases run out and no new ones are given.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from hoploom.input_service import keys
from hoploom.input_service.allotment import MAX_CROWD, Allotment, Claim
from hoploom.input_service.budget import Budget
from hoploom.input_service.journal import Journal
from hoploom.input_service.leases import GRACE_S
from hoploom.input_service.ownership import Owner, Ownership, Term
from hoploom.input_service.relay import Relay
from hoploom.input_service.shard_record import ShardRecord
from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable, Unprocessable
from hoploom.wire.fields import NONCE, Fields

log = logging.getLogger(__name__)
SLOT = 0
ROUTE = "/budget"
CROWD_FRESH_S = 5.0
_REFUSED = metrics.counter("hoploom_input_budget_refusals_total", "Leases that had to wait for the mesh's budget.")


class BudgetDesk:
    """Asks the keeper, or is the keeper."""

    def __init__(self, me: str, ownership: Ownership, relay: Relay, journal: Journal) -> None:
        """Know the way.

        `count_workers` may be set to what tells how many workers there are, and `allotments` to what tells the parts
        of the budget that a record's leases have.
        """
        self._me, self._ownership, self._relay, self._journal = me, ownership, relay, journal
        self._budget: tuple[Term, Budget] | None = None
        self.count_workers: Callable[[], Awaitable[int]] | None = None
        self.allotments: Callable[[ShardRecord], Awaitable[list[Allotment]]] | None = None
        self._crowd, self._counted_s = 1, -math.inf

    async def take(self, claim: Claim) -> Allotment | None:
        """A part of the budget for a lease, or None when there is none now; raises Unavailable without a keeper."""
        answer = await self._ask({"op": "take", "claim": claim.to_json()})
        if answer.get("allotment") is None:
            _REFUSED.inc()
            return None
        return Allotment.from_json(answer["allotment"])

    async def renew(self, allotment: Allotment) -> bool:
        """Whether a lease may go on; raises Unavailable without a keeper."""
        return bool((await self._ask({"op": "renew", "allotment": allotment.to_json()}))["going_on"])

    async def give_back(self, nonce: str, *, used: bool) -> None:
        """A lease has ended, or there was none; what the keeper does not hear runs out by itself."""
        with suppress(Unavailable):
            await self._ask({"op": "give back", "nonce": nonce, "used": used})

    async def crowd(self) -> int:
        """How many workers there are, at most a few seconds old; the last known while Consul is away."""
        if self.count_workers and boottime_s() - self._counted_s > CROWD_FRESH_S:
            self._counted_s = boottime_s()
            with suppress(Unavailable):
                self._crowd = min(MAX_CROWD, max(1, await self.count_workers()))
        return self._crowd

    async def answer(self, document: object) -> Mapping[str, Any]:
        """What the keeper says to another instance.

        Raises:
            BadRequest: The question is malformed.
            Unavailable: This instance is not the keeper.
        """
        known = Fields(document, "a question to the budget")
        budget, now_s = self._kept(), boottime_s()
        match known.object("claim", {}), known.object("allotment", {}), known.has("nonce"):
            case _, _, True:
                budget.give_back(known.text("nonce", NONCE), now_s, used=known.flag("used"))
                return {"v": 1}
            case {"v": _} as claim, _, _:
                allotment = budget.take(Claim.from_json(claim), now_s)
                return {"v": 1, "allotment": allotment.to_json() if allotment else None}
            case _, {"v": _} as allotment_, _:
                return {"v": 1, "going_on": budget.renew(Allotment.from_json(allotment_), now_s)}
        raise Unprocessable("a question to the budget has a claim, an allotment or a nonce")

    async def run(self) -> None:
        """Let a new keeper begin as soon as it knows of every lease that is out."""
        looked_around: Term | None = None
        while True:
            term = self._ownership.term(SLOT)
            # Somebody may have asked before: then there is a budget, which still waits.
            if term is not None and term != looked_around:
                looked_around = term
                try:
                    await self._warm(term, self._kept())
                except Unavailable as error:
                    log.info("the budget waits for older leases to end: %s", error)
            await self._ownership.news(1.0)

    async def _warm(self, term: Term, budget: Budget) -> None:
        if not term.fresh:
            # Whoever had a word of the keeper before has written its lease by then, or takes it back.
            await asyncio.sleep(GRACE_S)
            for each in await self._out():
                budget.renew(each, boottime_s())
        budget.all_announced()

    async def _out(self) -> list[Allotment]:
        """What all leases that are out may use, by their records."""
        if self.allotments is None:
            raise Unavailable("nobody tells which leases are out")
        records = [each for each in await self._journal.stored(keys.GROUPS) if each.held]
        return [each for record in records for each in await self.allotments(record)]

    def _kept(self) -> Budget:
        term = self._ownership.term(SLOT)
        if term is None:
            raise Unavailable("another instance keeps the budget", retry_after_s=1.0)
        if self._budget is None or self._budget[0] != term:
            return self._new(term)
        return self._budget[1]

    def _new(self, term: Term) -> Budget:
        budget = Budget(boottime_s())
        self._budget = (term, budget)
        return budget

    async def _ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        document = {"v": 1, **question}
        owner = await self._ownership.settled(SLOT)
        if owner is None:
            raise Unavailable("nobody keeps the budget just now", retry_after_s=1.0)
        if owner.instance == self._me:
            return await self.answer(document)
        return await self._of(owner, document)

    async def _of(self, owner: Owner, document: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = await self._relay.post(owner, ROUTE, document)
        if not answer.ok:
            raise Unavailable(f"the keeper of the budget refuses: {answer.reason()}")
        found: Mapping[str, Any] = answer.json()
        return found
