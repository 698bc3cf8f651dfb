"""Campaigns: each edition is made once from blocks and wishes and immutable afterwards, with its target sets beside it.

No number of a client is trusted: the plan is computed again here, with this instance's own cap. Other content under a
known id is refused, unless the request asks for a new edition; the leases of the old one stay what they are.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hoploom.input_service import keys
from hoploom.input_service.allotment import per_network
from hoploom.input_service.sets import Sets
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import BadRequest, Damaged, NotFound, Unavailable, Unprocessable
from hoploom.kit.last_known import LastKnown
from hoploom.targets import plan
from hoploom.trust.numbers import Numbers
from hoploom.wire import plans, slices
from hoploom.wire.campaign import Campaign, FamilySet
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.fields import CAMPAIGN_ID

FRESH_S = 0.5
"""A new campaign is seen by every instance within this time; an idle poll costs no read of Consul meanwhile."""

KEPT_S = 30.0
"""The list is told for so long after it was last read."""

_TRIES = 20
EDITIONS = 1024
"""Remembered; chunks of hops, each an edition of its own, come and go for ever."""


class Campaigns:
    """The campaigns of the mesh, as the KV store has them."""

    def __init__(self, consul: ConsulApi, numbers: Numbers, sets: Sets, max_targets: int, dc: str = "") -> None:
        """Know the KV store, this instance's cap, and the datacenter whose slices count here."""
        self._consul, self._numbers, self._sets = consul, numbers, sets
        self._max_targets, self._dc = max_targets, dc
        self._listed = LastKnown(self._list, KEPT_S)
        self._known: list[Campaign] = []
        self._editions: dict[tuple[str, int], Campaign] = {}
        self._read_at_s = float("-inf")
        self._reading = asyncio.Lock()

    async def create(
        self, request: CampaignRequest, *, parent: str = "", checks: Sequence[Mapping[str, Any]] = ()
    ) -> tuple[Campaign, bool]:
        """Make a campaign or an edition of one, or find the one that the same request made before.

        Args:
            request: What is wanted.
            parent: The campaign whose hops these targets are.
            checks: Operations that fence the write.

        Returns:
            The campaign, and whether it is new.

        Raises:
            Unprocessable: It cannot be probed like this, or its id belongs to other content.
            Forbidden: Loopback or private space without its key.
            Unavailable: A check failed, or Consul is away.
        """
        # What networks are called makes no other campaign.
        same = replace(request, revise="", sources=())
        content = hashlib.sha256(json.dumps(same.to_json(), sort_keys=True).encode()).hexdigest()
        entry = await self._consul.kv_get(keys.campaign(request.id), consistent=True)
        known, new = self._read(entry) if entry else None, False
        if known is None or (request.revise and (known.content_sha256 != content or known.stopped_us)):
            _require_ours(known, self._dc)
            edition = known.edition + 1 if known else 1
            made = await self._made(request, content, parent)
            made = replace(made, edition=edition)
            # False: another was first, perhaps with the same content; read again and compare.
            new = await self._written(made, entry.modify_index if entry else 0, checks)
            known = made if new else await self._find(request.id)
            self._read_at_s = float("-inf")
            if known is None:
                raise Unavailable(f"campaign {request.id!r} was not stored: it is another instance's to make now")
        if known.content_sha256 != content:
            raise Unprocessable(
                f"there is another campaign {request.id!r}: choose another id, or have it begin anew with --restart"
            )
        return known, new

    async def edition(self, campaign_id: str, number: int) -> Campaign:
        """One edition of a campaign; raises NotFound where there is none."""
        known = self._editions.get((campaign_id, number))
        if known is None:
            entry = await self._consul.kv_get(keys.edition(campaign_id, number))
            if entry is None:
                raise NotFound(f"there is no campaign {campaign_id!r} of edition {number}")
            known = self._editions[campaign_id, number] = self._read(entry)
            if len(self._editions) > EDITIONS:
                del self._editions[next(iter(self._editions))]
        return known

    async def get(self, campaign_id: str) -> Campaign:
        """One campaign; raises NotFound where there is none."""
        found = await self._find(campaign_id) if CAMPAIGN_ID.fullmatch(campaign_id) else None
        if found is None:
            raise NotFound(f"there is no campaign {campaign_id[:63]!r}")
        return found

    async def learn(self) -> None:
        """As `LastKnown.learn`."""
        await self._listed.learn()

    async def all(self) -> list[Campaign]:
        """All campaigns in the order of their creation, at most `FRESH_S` old; as last known while Consul is away.

        What comes of an old list is a question of the journal, which writes nothing while Consul is away.
        """
        async with self._reading:
            if boottime_s() - self._read_at_s > FRESH_S:
                began_s = boottime_s()
                self._known, _ = await self._listed.get()
                self._read_at_s = began_s
            return self._known

    async def _list(self) -> list[Campaign]:
        entries = await self._consul.kv_list(keys.CAMPAIGNS)
        return sorted(map(self._read, entries), key=lambda each: each.number)

    async def editions(self, prefix: str) -> list[Campaign]:
        """All editions that are stored of campaigns whose ids begin so, closed ones too."""
        return [self._read(entry) for entry in await self._consul.kv_list(f"{keys.EDITIONS}{prefix}")]

    async def stop(self, campaign_id: str, by: str) -> tuple[Campaign, bool]:
        """Hand out nothing of a campaign any more, for good; where its groups stand and its results stay.

        Args:
            campaign_id: The campaign.
            by: Who stops it, for people.

        Returns:
            The campaign, and whether it is new that it is stopped.

        Raises:
            NotFound: There is no such campaign.
            Unprocessable: It is another datacenter's, or hops of another campaign.
            Unavailable: Consul is away.
        """
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(keys.campaign(campaign_id), consistent=True)
            known = self._read(entry) if entry and CAMPAIGN_ID.fullmatch(campaign_id) else None
            if entry is None or known is None:
                raise NotFound(f"there is no campaign {campaign_id[:63]!r}")
            if known.stopped_us:
                return known, False
            _require_stoppable(known, self._dc)
            stopped = replace(known, stopped_us=wall_us(), stopped_by=by)
            if await self._consul.kv_put(entry.key, json.dumps(stopped.to_json()).encode(), cas=entry.modify_index):
                self._read_at_s = float("-inf")
                return stopped, True
        raise Unavailable(f"too many others change {campaign_id} just now")

    async def close(self, campaign_id: str) -> None:
        """Hand out nothing of a campaign any more; the leases that are out go on."""
        await self._consul.kv_delete(keys.campaign(campaign_id))
        self._read_at_s = float("-inf")

    async def remove(self, campaign_id: str) -> None:
        """Forget a closed campaign of which no lease is out, and where its groups stand; its results stay."""
        made = await self.editions(f"{campaign_id}/")
        for prefix in (keys.COOLING, keys.GROUPS, keys.ROUNDS):
            await self._consul.kv_delete(f"{prefix}{campaign_id}/", recurse=True)
        # A set is no other campaign's: its seed comes of the id.
        for sha256 in {each.sha256 for edition in made for each in edition.sets.values()}:
            await self._consul.kv_delete(keys.target_set(sha256), recurse=True)
        # Last, so that who is interrupted here finds it again.
        await self._consul.kv_delete(f"{keys.EDITIONS}{campaign_id}/", recurse=True)
        for edition in made:
            self._editions.pop((edition.id, edition.edition), None)

    async def _find(self, campaign_id: str) -> Campaign | None:
        entry = await self._consul.kv_get(keys.campaign(campaign_id), consistent=True)
        return self._read(entry) if entry else None

    def _read(self, entry: KvEntry) -> Campaign:
        return replace(stored(entry), here=self._dc)

    async def _written(self, made: Campaign, index: int, checks: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the campaign stands now, with its edition beside it."""
        value = json.dumps(made.to_json()).encode()
        operations = (
            *checks,
            {"Verb": "cas", "Key": keys.campaign(made.id), "Value": value, "Index": index},
            {"Verb": "set", "Key": keys.edition(made.id, made.edition), "Value": value},
        )
        return await self._consul.kv_txn(operations) is not None

    async def _made(self, request: CampaignRequest, content: str, parent: str) -> Campaign:
        # In a thread: a hundred thousand blocks take seconds, and health checks have to be answered meanwhile.
        found = await asyncio.to_thread(_planned, request, self._max_targets)
        _require_shares(request, found.rate_pps)
        sets = {
            family: FamilySet(sha256=await self._sets.store(each), size=each.n) for family, each in found.sets.items()
        }
        excludes = await self._sets.store_blocks(request.excludes) if request.excludes else ""
        # Hops are single addresses all over, a few thousand at a time.
        networks = "" if parent else await self._sets.store_networks(request.blocks, request.sources)
        number = await self._numbers.take(2)
        return Campaign(
            id=request.id,
            number=number,
            measurement=number + 1,
            name=request.name or request.id,
            sets=sets,
            rate_pps=found.rate_pps,
            allow_private=request.allow_private,
            contact=request.contact,
            probe=request.probe,
            content_sha256=content,
            created_at_us=wall_us(),
            rounds=request.rounds,
            cooldown_minutes=request.cooldown_minutes,
            cooldown_scope=request.cooldown_scope,
            network_pps=request.network_pps,
            anchors=request.anchors,
            excludes=excludes,
            per_network=max(map(per_network, found.sets.values())),
            home_dc=self._dc,
            slices=request.slices,
            apart=request.apart,
            parent=parent,
            networks=networks,
            here=self._dc,
        )


def _require_ours(known: Campaign | None, dc: str) -> None:
    """A campaign is changed where it was made, or two datacenters with a cut between them would change it both."""
    if known is not None and known.home_dc not in ("", dc):
        raise Unprocessable(f"campaign {known.id!r} belongs to datacenter {known.home_dc}: make its next edition there")


def _require_stoppable(known: Campaign, dc: str) -> None:
    if known.parent:
        raise Unprocessable(f"{known.id} is of hops of {known.parent}: stop that")
    if known.home_dc not in ("", dc):
        raise Unprocessable(
            f"campaign {known.id!r} belongs to datacenter {known.home_dc}: stop it there, or pause it here"
        )


def _require_shares(request: CampaignRequest, rate_pps: int) -> None:
    """A share of nothing would be no limit."""
    for what, total in (("rate", rate_pps), ("cap to a network", request.network_pps)):
        poor = [dc for dc in request.slices if total and not slices.share(request.slices, dc, total)]
        if poor:
            raise Unprocessable(f"a {what} of {total} packets/s leaves none for {', '.join(poor)}: raise it")


def _planned(request: CampaignRequest, cap: int) -> plan.Plan:
    """The plan of a request, with at most `cap` targets."""
    found = plans.planned(request, cap)
    if plans.lacks_contact(found, request):
        raise Unprocessable(plans.NO_CONTACT)
    return found


def stored(entry: KvEntry) -> Campaign:
    """A campaign as it is stored; raises Damaged where that is not understood."""
    try:
        return Campaign.from_json(json.loads(entry.value))
    except (BadRequest, ValueError) as error:
        raise Damaged(f"{entry.key} in Consul is damaged ({error}); delete that key, and map it again") from error
