"""Leases of the shards that this instance owns: which shard has work for a worker, and what becomes of the lease."""

import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from hoploom.input_service import leases, shards
from hoploom.input_service.allotment import Allotment
from hoploom.input_service.budget_desk import BudgetDesk
from hoploom.input_service.changes import Step
from hoploom.input_service.claims import allotted, claim
from hoploom.input_service.coolings import Coolings
from hoploom.input_service.journal import Journal
from hoploom.input_service.leases import Ages, Ask
from hoploom.input_service.ownership import Ownership
from hoploom.input_service.round_record import Shard
from hoploom.input_service.shard_record import Held, ShardRecord, ShardRef
from hoploom.input_service.work import Located, Wanted, Work, locate, order_of
from hoploom.kit import metrics
from hoploom.kit.belief import Token
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.errors import BadRequest
from hoploom.trust.numbers import Numbers
from hoploom.wire.lease import (
    NONCE_BYTES,
    Lease,
    LeaseDone,
    LeaseId,
    LeaseRenewal,
    LeaseRequest,
    LeaseReturn,
)

T = TypeVar("T")
REMEMBERED = 4096
"""Workers whose last answer is found at once when they ask for it again."""

_GRANTED = metrics.counter("hoploom_input_leases_granted_total", "Leases handed out.")
_POSITIONS = metrics.counter("hoploom_input_positions_handed_out_total", "Positions handed out.")
_DONE = metrics.counter("hoploom_input_positions_done_total", "Positions acknowledged as done.")
_AGAIN = metrics.counter("hoploom_input_positions_reissued_total", "Positions taken back to be handed out again.")
_SAID = metrics.counter("hoploom_input_lease_messages_total", "What workers said of leases.", ("message", "answer"))


class Serving:
    """Grants, renews and ends leases of this instance's shards."""

    def __init__(
        self, journal: Journal, ownership: Ownership, numbers: Numbers, budget: BudgetDesk, coolings: Coolings
    ) -> None:
        """Know where everything is kept."""
        self._journal, self._ownership, self._numbers = journal, ownership, numbers
        self._budget, self._coolings = budget, coolings
        self._answered: OrderedDict[str, tuple[str, ShardRef]] = OrderedDict()

    async def grant(self, wanted: Wanted, works: Iterable[Work]) -> Lease | None:
        """A lease of the first shard here that has work for the request; the same request gets the same lease.

        Raises:
            Unavailable: Consul does not take the change.
        """
        owned = self._ownership.mine
        for work in works:
            mine = [each for each in self._in_order(work, wanted.request) if work.slot(each) in owned]
            lease = await self._grant_within(work, mine, wanted) if mine else None
            if lease is not None:
                return lease
        return None

    async def renew(self, where: Located, lease: LeaseId, message: LeaseRenewal) -> Held:
        """Keep a lease alive; raises as `leases.renew`."""

        def step(record: ShardRecord, ages: Ages) -> tuple[ShardRecord, Held]:
            after, held = leases.renew(record, lease, message, ages)
            self._journal.heard(record.ref, held.nonce)
            return after, held

        held = await self._said("renew", where, step)
        mine = allotted(where.campaign, where.limits, where.empty.ref, held)
        if where.limits and not await self._budget.renew(mine):
            rest = LeaseReturn(worker=held.worker, campaign=lease.campaign, group=where.empty.ref.group)
            await self.give_back(where, lease, rest)
            raise leases.Expired("the mesh's budget has no room for the lease any more; it is handed out again")
        return held

    async def done(self, where: Located, lease: LeaseId, message: LeaseDone) -> ShardRecord:
        """Note that a lease's results are stored; raises as `leases.complete`."""

        def step(record: ShardRecord, _: Ages) -> tuple[ShardRecord, ShardRecord]:
            after = leases.complete(record, lease, message, wall_us())
            return after, after

        record = await self._said("done", where, step)
        await self._free(where, lease)
        return record

    async def give_back(self, where: Located, lease: LeaseId, message: LeaseReturn) -> ShardRecord:
        """Take the rest of a lease back at once; raises as `leases.complete`."""

        def step(record: ShardRecord, _: Ages) -> tuple[ShardRecord, ShardRecord]:
            after = leases.give_back(record, lease, message)
            return after, after

        record = await self._said("return", where, step)
        await self._free(where, lease)
        return record

    def _in_order(self, work: Work, request: LeaseRequest) -> list[Shard]:
        """The shards to try: first the one that has answered this very request, then from the worker's own on."""
        request_id, known = self._answered.get(request.worker, ("", None))
        known = known if request_id == request.request_id else None
        shift = shards.slot_of_name(request.worker) % max(1, len(work.shards))
        order = [*work.shards[shift:], *work.shards[:shift]]
        return sorted(order, key=lambda shard: (known.family, known.shard) != shard) if known else order

    async def _grant_within(self, work: Work, mine: Sequence[Shard], wanted: Wanted) -> Lease | None:
        """A lease within the mesh's budget, where the campaign needs one."""
        nonce = uuid.uuid4().hex[: 2 * NONCE_BYTES]
        known = await self._recall(work, mine, wanted, nonce) if work.limits else None
        if known is not None:
            return known
        allotment, taken, took_s = None, False, boottime_s()
        try:
            for shard in mine:
                ask = await self._ask_of(work, shard, wanted, nonce)
                if ask is None:
                    continue
                if work.limits and allotment is None:
                    allotment = await self._budget.take(claim(work, wanted, nonce, await self._budget.crowd()))
                    if allotment is None:
                        return None
                lease = await self._grant_of(work, shard, wanted, _within(ask, allotment))
                if lease is not None:
                    taken = lease.id.endswith(nonce)
                    worker = wanted.request.worker
                    return await self._in_time(work, shard, lease, worker, took_s) if allotment and taken else lease
            return None
        finally:
            # Also where the write failed: it may have been carried out, and then its lease runs out unrenewed.
            if allotment and not taken:
                await self._budget.give_back(nonce, used=False)

    async def _in_time(self, work: Work, shard: Shard, lease: Lease, worker: str, took_s: float) -> Lease | None:
        """The lease; takes back one that took so long to write that a new keeper may not have seen it."""
        if boottime_s() - took_s <= leases.GRACE_S:
            return lease
        message = LeaseReturn(worker=worker, campaign=lease.campaign, group=lease.group)
        await self.give_back(locate(work, lease.group, shard), LeaseId.parse(lease.id), message)
        return None

    async def _recall(self, work: Work, mine: Sequence[Shard], wanted: Wanted, nonce: str) -> Lease | None:
        """The lease that this very request got; of one that the worker never heard of its part of the budget is freed.

        Before the budget is asked: there the worker has what that lease takes.
        """
        _, last = self._answered.get(wanted.request.worker, ("", None))
        shard = (last.family, last.shard) if last else (0, 0)
        where = locate(work, work.group(wanted.request), shard) if shard in mine else None
        if where is None or where.empty.ref != last:
            return None
        ask = self._ask(work, shard, wanted, nonce)

        def step(record: ShardRecord, ages: Ages) -> tuple[ShardRecord, tuple[Held | None, set[str]]]:
            before = leases.expire(record, ages)
            after, known = leases.recall(before, ask, ages)
            return after, (known, {each.nonce for each in before.held} - {each.nonce for each in after.held})

        known, unheard_of = await self._journal.change(where.slot, where.empty, step)
        for each in unheard_of:
            await self._budget.give_back(each, used=True)
        return await self._travelling(where, known) if known else None

    async def _ask_of(self, work: Work, shard: Shard, wanted: Wanted, nonce: str) -> Ask | None:
        """What to ask of a shard, or None where it is known to have nothing now."""
        ref = locate(work, work.group(wanted.request), shard).empty.ref
        rests = await self._coolings.open(work.campaign, ref, capped=bool(work.limits.network_pps))
        ask = self._ask(work, shard, wanted, nonce)
        known, blocked = self._journal.peek(ref), self._coolings.blocked(ref) if rests else []
        if blocked is None:
            return None
        # What only ends a lease is a change too.
        nothing = known and leases.grant(known[0], replace(ask, blocked=blocked), known[1]) == (known[0], None)
        return None if nothing else ask

    async def _grant_of(self, work: Work, shard: Shard, wanted: Wanted, ask: Ask) -> Lease | None:
        where = locate(work, work.group(wanted.request), shard)
        ref = where.empty.ref
        rests = bool(work.campaign.cooldown_minutes or work.limits.network_pps)

        def step(record: ShardRecord, ages: Ages) -> tuple[ShardRecord, tuple[Held | None, int]]:
            # Only now: other groups' leases of the same commit have to rest too.
            blocked = self._coolings.blocked(ref) if rests else []
            if blocked is None:
                return record, (None, 0)
            after, held = leases.grant(record, replace(ask, blocked=blocked), ages)
            if held is not None:
                self._coolings.handed_out(ref, held)
            return after, (held, after.reissued - record.reissued)

        held, again = await self._journal.change(where.slot, where.empty, step)
        _AGAIN.inc(again)
        if held is None:
            return None
        self._remember(wanted.request, ref)
        # A repeated request gets a lease with the nonce of its first one, and counts once.
        if held.nonce == ask.nonce:
            _GRANTED.inc()
            _POSITIONS.inc(held.stop - held.start)
        return await self._travelling(where, held)

    def _ask(self, work: Work, shard: Shard, wanted: Wanted, nonce: str) -> Ask:
        request, family = wanted.request, shard[0]
        start, stop = work.campaign.span(family)
        term = self._ownership.term(work.slot(shard))
        return Ask(
            request_id=request.request_id,
            worker=request.worker,
            run=request.run,
            holding=[LeaseId.parse(each).nonce for each in request.holding],
            rate_pps=request.rate_pps,
            probe=work.campaign.probe,
            nonce=nonce,
            # Lost in this very moment: then the write is refused.
            token=str(term.token if term else Token()),
            at_us=wall_us(),
            limit=wanted.limit,
            ttl_s=wanted.ttl_s,
            audited=wanted.audited,
            left=(stop - start) * sum(each[0] == family for each in work.shards) // shards.shard_count(stop - start),
        )

    async def _said(self, message: str, where: Located, step: Step[T]) -> T:
        """Carry out what a worker said of a lease, and count it with its answer."""

        def counted(record: ShardRecord, ages: Ages) -> tuple[ShardRecord, tuple[T, int, int]]:
            after, answer = step(record, ages)
            return after, (answer, after.done_count - record.done_count, after.reissued - record.reissued)

        try:
            answer, done, again = await self._journal.change(where.slot, where.empty, counted)
        except BadRequest as error:
            _SAID.labels(message, str(error.status)).inc()
            raise
        _SAID.labels(message, "200").inc()
        _DONE.inc(done)
        _AGAIN.inc(again)
        return answer

    async def _free(self, where: Located, lease: LeaseId) -> None:
        """Give the lease's part of the budget back, where it has one."""
        if where.limits:
            await self._budget.give_back(lease.nonce, used=True)

    def _remember(self, request: LeaseRequest, ref: ShardRef) -> None:
        self._answered[request.worker] = request.request_id, ref
        self._answered.move_to_end(request.worker)
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)

    async def _travelling(self, where: Located, held: Held) -> Lease:
        campaign, ref = where.campaign, where.empty.ref
        revision = campaign.sets[ref.family].sha256
        return Lease(
            id=str(where.empty.lease_id(held)),
            campaign=campaign.id,
            campaign_number=campaign.number,
            measurement=campaign.measurement,
            worker_number=await self._numbers.of_worker(held.worker),
            revision=revision,
            family=ref.family,
            round=ref.round,
            group=ref.group,
            start=held.start,
            stop=held.stop,
            order_key=order_of(campaign, ref).hex(),
            ttl_s=held.ttl_s,
            rate_pps=held.rate_pps,
            probe=campaign.probe,
            allow_private=campaign.allow_private,
            token=held.token,
            network_pps=held.lane_pps,
            anchors=campaign.anchors,
        )


def _within(ask: Ask, allotment: Allotment | None) -> Ask:
    """The request as the budget allows it."""
    if allotment is None:
        return ask
    # An allotment does not outlive a usual lease; nobody renews for a simple client.
    ttl_s = min(ask.ttl_s, leases.TTL_S)
    return replace(ask, rate_pps=allotment.rate_pps, lane_pps=allotment.lane_pps, ttl_s=ttl_s)
