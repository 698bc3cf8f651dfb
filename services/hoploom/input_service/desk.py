"""The desk: gives workers their leases and takes them back. Which campaign is served, and with what a lease travels."""

import asyncio
import uuid
from collections.abc import Mapping

from hoploom.input_service import leases
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.group_record import GroupRecord, Held
from hoploom.input_service.journal import ROUND, Journal
from hoploom.input_service.numbers import Numbers
from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import NotFound
from hoploom.targets.keys import order_key
from hoploom.wire.campaign import Campaign
from hoploom.wire.lease import MAX_LEASE, NONCE_BYTES, Lease, LeaseDone, LeaseId, LeaseRequest

_GRANTED = metrics.counter("hoploom_input_leases_granted_total", "Leases handed out.")
_POSITIONS = metrics.counter("hoploom_input_positions_handed_out_total", "Positions handed out.")
_AGAIN = metrics.counter("hoploom_input_positions_reissued_total", "Positions handed out again after a lease was lost.")
_REISSUED = metrics.counter("hoploom_input_leases_reissued_total", "Leases over positions that were handed out before.")
_DONE = metrics.counter("hoploom_input_positions_done_total", "Positions acknowledged as done.")


class Desk:
    """Answers workers; keeps nothing that another instance would miss."""

    def __init__(self, campaigns: Campaigns, journal: Journal, numbers: Numbers) -> None:
        """Know where everything is kept."""
        self._campaigns, self._journal, self._numbers = campaigns, journal, numbers
        self._finished: set[tuple[str, str]] = set()

    async def lease(
        self, request: LeaseRequest, *, campaign: str = "", limit: int = MAX_LEASE, least_ttl_s: int = leases.MIN_TTL_S
    ) -> Lease | None:
        """Work of the oldest campaign that has some for this group, or None; the same request gets the same lease.

        Args:
            request: What the worker asks for.
            campaign: Serve only this campaign; empty serves all.
            limit: The most positions wanted.
            least_ttl_s: Seconds that the lease is given at least.

        Raises:
            NotFound: There is no such campaign.
        """
        asked = [await self._campaigns.get(campaign)] if campaign else await self._campaigns.all()
        active = [each for each in asked if (each.id, request.group) not in self._finished]
        for each in await self._answered_first(active, request):
            record, held = await self._grant(each, request, limit, least_ttl_s)
            if record.finished:
                self._finished.add((each.id, request.group))
            if held is not None:
                return await self._travelling(each, record, held)
        return None

    async def done(self, lease_id: str, message: LeaseDone) -> GroupRecord:
        """Note that a lease's results are stored; raises NotFound, Forbidden or Expired."""
        lease = LeaseId.parse(lease_id)
        if (lease.campaign, lease.round) != (message.campaign, ROUND):
            raise NotFound(f"campaign {message.campaign!r} has no lease of that id")
        campaign = await self._campaigns.get(message.campaign)

        def step(record: GroupRecord, _: Mapping[str, float]) -> tuple[GroupRecord, int]:
            after = leases.complete(record, lease, message.worker, wall_us())
            return after, after.done - record.done

        record, count = await self._journal.change(campaign, message.group, step)
        _DONE.inc(count)
        return record

    async def _answered_first(self, active: list[Campaign], request: LeaseRequest) -> list[Campaign]:
        """The campaigns in the order to serve, first the one that has answered this very request already.

        Without this a repeated request could get a second lease, of an older campaign that has work again.
        """
        if len(active) < 2:  # noqa: PLR2004 - one alone has no order
            return active
        records = await asyncio.gather(*(self._journal.read(each, request.group) for each in active))
        wanted = (request.request_id, request.worker)
        known = [any((held.request_id, held.worker) == wanted for held in record.held) for record in records]
        return [each for _, each in sorted(zip(known, active, strict=True), key=lambda pair: not pair[0])]

    async def _grant(
        self, campaign: Campaign, request: LeaseRequest, limit: int, least_ttl_s: int
    ) -> tuple[GroupRecord, Held | None]:
        rates = [rate for rate in (campaign.rate_pps, request.rate_pps) if rate]
        ask = leases.Ask(
            request_id=request.request_id,
            worker=request.worker,
            families=request.families,
            rate_pps=min(rates) if rates else 0,
            probe=campaign.probe,
            nonce=uuid.uuid4().hex[: 2 * NONCE_BYTES],
            at_us=wall_us(),
            limit=limit,
            least_ttl_s=least_ttl_s,
        )

        def step(record: GroupRecord, ages: Mapping[str, float]) -> tuple[GroupRecord, tuple[Held | None, int]]:
            after, held = leases.grant(record, ask, ages)
            return after, (held, after.reissued - record.reissued)

        record, (held, again) = await self._journal.change(campaign, request.group, step)
        # A repeated request gets a lease with the nonce of its first one, and counts once.
        if held is not None and held.nonce == ask.nonce:
            _GRANTED.inc()
            _POSITIONS.inc(held.stop - held.start)
            _AGAIN.inc(again)
            _REISSUED.inc(bool(again))
        return record, held

    async def _travelling(self, campaign: Campaign, record: GroupRecord, held: Held) -> Lease:
        revision = campaign.sets[held.family].sha256
        return Lease(
            id=str(record.lease_id(held)),
            campaign=campaign.id,
            campaign_number=campaign.number,
            measurement=campaign.measurement,
            worker_number=await self._numbers.of_worker(held.worker),
            revision=revision,
            family=held.family,
            round=ROUND,
            group=record.group,
            start=held.start,
            stop=held.stop,
            order_key=order_key(campaign.id, revision, ROUND, record.group).hex(),
            ttl_s=held.ttl_s,
            rate_pps=held.rate_pps,
            probe=campaign.probe,
            allow_private=campaign.allow_private,
        )
