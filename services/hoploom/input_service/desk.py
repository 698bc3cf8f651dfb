"""The desk: finds the instance that owns what a worker asks for. What is another's is passed on, once.

Workers are spread over the owners by their names, so that a request that comes again, to whichever instance, reaches
the owner that has answered it before.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from hoploom.input_service import shards
from hoploom.input_service.activity import Activity
from hoploom.input_service.allotment import Allotment
from hoploom.input_service.budget_desk import BudgetDesk
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.claims import allotted
from hoploom.input_service.closing import Closing
from hoploom.input_service.journal import Journal
from hoploom.input_service.overlay import Overlay
from hoploom.input_service.ownership import Owner, Ownership
from hoploom.input_service.relay import Relay
from hoploom.input_service.round_record import unfinished
from hoploom.input_service.rounds import Rounds
from hoploom.input_service.serving import Serving
from hoploom.input_service.shard_record import ShardRecord
from hoploom.input_service.work import Limits, Located, Wanted, Work, located
from hoploom.kit.errors import Forbidden, NotFound, Unavailable
from hoploom.kit.http_client import Answer
from hoploom.wire.campaign import Campaign
from hoploom.wire.lease import Lease, LeaseDone, LeaseId, LeaseRenewal, LeaseRequest, LeaseReturn
from hoploom.wire.overlay import OverlayDocument

log = logging.getLogger(__name__)
_NO_CONTENT = 204
_VERBS: Mapping[type[LeaseDone], str] = {LeaseDone: "done", LeaseRenewal: "renew", LeaseReturn: "return"}


@dataclass(frozen=True)
class Parts:
    """What an input instance is made of; put together in `app`."""

    campaigns: Campaigns
    rounds: Rounds
    overlay: Overlay
    ownership: Ownership
    journal: Journal
    serving: Serving
    closing: Closing
    budget: BudgetDesk
    relay: Relay
    activity: Activity


class Desk:
    """Answers workers, or has the owner answer them."""

    def __init__(self, me: str, parts: "Parts") -> None:
        """Know who does the work.

        Args:
            me: This instance's id.
            parts: Where everything is kept, and the way to the other instances.
        """
        self._me = me
        self._campaigns, self._rounds, self._overlay = parts.campaigns, parts.rounds, parts.overlay
        self._serving, self._closing = parts.serving, parts.closing
        self._ownership, self._relay = parts.ownership, parts.relay
        self._activity = parts.activity
        parts.budget.allotments = self._allotments

    async def lease(self, wanted: Wanted, *, relayed: bool = False) -> Lease | None:
        """Work for a worker, or None when there is none now.

        Args:
            wanted: What it asks for.
            relayed: Whether another instance has passed it on; then only shards of this one are looked at.

        Raises:
            NotFound: There is no such campaign.
            Forbidden: The worker was revoked.
            Unavailable: The owner of what is left does not answer, or changes just now.
        """
        works = await self._works(wanted)
        lease, trouble = await self._asked(works, wanted, relayed=relayed)
        if lease is None and not relayed and (orphan := self._orphan(works)) is not None:
            # A slot changes hands just now: its successor is there in a moment.
            await self._ownership.settled(orphan)
            lease, trouble = await self._asked(works, wanted, relayed=relayed)
        if lease is None and trouble:
            raise trouble
        return lease

    async def said(self, lease_id: str, message: LeaseDone, *, relayed: bool) -> Answer | Mapping[str, Any]:
        """Take what a worker says of a lease: that it goes on, is done, or gives it back.

        Args:
            lease_id: The lease.
            message: A `LeaseRenewal`, a `LeaseReturn` or a plain `LeaseDone`.
            relayed: Whether another instance has passed it on.

        Returns:
            What the worker is told, or the owner's answer where this instance is not the owner.

        Raises:
            Forbidden, Conflict, Expired, NotFound: As `leases.complete`.
            Unavailable: Nobody owns the shard just now, or its owner does not answer.
        """
        lease, where = await self._where(lease_id, message)
        owner = await self._elsewhere(where, relayed=relayed)
        if owner is not None:
            return await self._relay.post(owner, f"/leases/{lease}/{_VERBS[type(message)]}", message.to_json())
        match message:
            case LeaseReturn():
                log.info("lease %s is returned by %s: %s", lease, message.worker, message.reason or "no reason given")
                return _progress(await self._serving.give_back(where, lease, message))
            case LeaseRenewal():
                held = await self._serving.renew(where, lease, message)
                return {"v": 1, "ttl_s": held.ttl_s, "rate_pps": held.rate_pps, "stored_upto": held.stored_upto}
        record = await self._serving.done(where, lease, message)
        if record.complete:
            self._closing.look()
        return _progress(record)

    async def _allotments(self, record: ShardRecord) -> list[Allotment]:
        """The parts of the mesh's budget that a record's leases have."""
        if self._overlay.current is None:
            raise Unavailable("caps are not known yet")
        try:
            campaign = await self._campaigns.edition(record.ref.campaign, record.ref.edition)
        except NotFound:
            # Removed, with no lease that was out.
            return []
        limits = Limits.of(campaign, self._overlay.current)
        return [allotted(campaign, limits, record.ref, held) for held in record.held] if limits else []

    async def _works(self, wanted: Wanted) -> list[Work]:
        """What there is to do for a request, hops first, then in the order of the campaigns."""
        request, orders = wanted.request, self._overlay.current
        if orders is None:
            raise Unavailable("pauses and opt-outs are not known yet, so nothing is handed out")
        if orders.is_revoked(request.worker):
            raise Forbidden(f"worker {request.worker} was revoked")
        asked = [await self._campaigns.get(wanted.campaign)] if wanted.campaign else await self._campaigns.all()
        # Hops first: they are few, and behind a campaign without an end they would never have their turn.
        asked = sorted(asked, key=lambda each: not each.parent)
        stopped = {each.id for each in await self._campaigns.all() if each.stopped_us}
        found = []
        for campaign in asked:
            group = campaign.group_of(request.worker, request.group)
            # Also where it is paused, or has nothing to do.
            self._activity.note(campaign, group)
            if stopped.isdisjoint(_own(campaign)) and _may(campaign, orders) and _can(request, campaign):
                record = await self._rounds.state(campaign, group)
                todo = [each for each in unfinished(record, campaign) if each[0] in request.families]
                if todo:
                    found.append(Work(campaign, record.round, todo, Limits.of(campaign, orders)))
        return found

    async def _asked(
        self, works: Sequence[Work], wanted: Wanted, *, relayed: bool
    ) -> tuple[Lease | None, Unavailable | None]:
        """The first owner's lease, and why an owner could not be asked."""
        owners = self._owners(works)
        with_hops = self._owners([work for work in works if work.campaign.parent])
        trouble = None
        ranking = shards.ranking(f"worker {wanted.request.worker}", dict.fromkeys(owners, 1.0))
        for instance in sorted(ranking, key=lambda each: each not in with_hops):
            lease = None
            try:
                if instance == self._me:
                    lease = await self._serving.grant(wanted, works)
                elif not relayed:
                    lease = await self._from(owners[instance], wanted)
            except Unavailable as error:
                trouble = error
            if lease is not None:
                return lease, None
        return None, trouble

    async def _from(self, owner: Owner, wanted: Wanted) -> Lease | None:
        query = urlencode(_added(wanted))
        answer = await self._relay.post(owner, f"/leases?{query}", wanted.request.to_json())
        if answer.status == _NO_CONTENT:
            return None
        if not answer.ok:
            raise Unavailable(f"{owner.instance} refuses a request that was passed on: {answer.reason()}")
        return Lease.from_json(answer.json()["lease"])

    def _owners(self, works: Sequence[Work]) -> dict[str, Owner]:
        slots = {work.slot(shard) for work in works for shard in work.shards}
        return {owner.instance: owner for slot in slots if (owner := self._ownership.owner(slot))}

    def _orphan(self, works: Sequence[Work]) -> int | None:
        slots = (work.slot(shard) for work in works for shard in work.shards)
        return next((slot for slot in slots if self._ownership.owner(slot) is None), None)

    async def _where(self, lease_id: str, message: LeaseDone) -> tuple[LeaseId, Located]:
        lease = LeaseId.parse(lease_id)
        if lease.campaign != message.campaign:
            raise NotFound(f"campaign {message.campaign!r} has no lease of that id")
        campaign = await self._campaigns.edition(lease.campaign, lease.edition)
        limits = Limits.of(campaign, self._overlay.current or OverlayDocument())
        return lease, located(campaign, lease, message.group, limits)

    async def _elsewhere(self, where: Located, *, relayed: bool) -> Owner | None:
        """Another instance that owns the shard, or None when it is this one."""
        owner = await self._ownership.settled(where.slot)
        if owner is None:
            raise Unavailable("nobody serves these targets just now", retry_after_s=1.0)
        if owner.instance == self._me:
            return None
        if relayed:
            raise Unavailable(f"{owner.instance} serves these targets now", retry_after_s=1.0)
        return owner


def _added(wanted: Wanted) -> dict[str, str | int]:
    """What goes along with a request that is passed on."""
    return {
        "campaign": wanted.campaign,
        "limit": wanted.limit,
        "ttl_s": wanted.ttl_s,
        "audited": "yes" if wanted.audited else "no",
    }


def _progress(record: ShardRecord) -> dict[str, Any]:
    return {"v": 1, "targets": record.targets, "done": record.done_count, "outstanding": record.outstanding}


def _can(request: LeaseRequest, campaign: Campaign) -> bool:
    """Whether a worker knows how to probe a campaign's targets, and its owner lets it."""
    return campaign.probe.skill in request.skills and (request.allow_private or not campaign.allow_private)


def _may(campaign: Campaign, orders: OverlayDocument) -> bool:
    """Whether a campaign is not paused."""
    return not any(map(orders.is_paused, _own(campaign)))


def _own(campaign: Campaign) -> list[str]:
    """Its id, and of hops the campaign's that they were found by, with which they stop."""
    return [each for each in (campaign.id, campaign.parent) if each]
