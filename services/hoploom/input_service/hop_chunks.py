"""Chunks: hops that became targets together, each a campaign of its own beside the one whose traceroutes found them.

A chunk is immutable, is handed out like any campaign, stops with its parent, and says for a day which hops are targets
already: whoever takes a slot over reads the chunks. After a day it is closed, and its hops may come again.
"""

import asyncio
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from hoploom.input_service import keys
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.journal import Fence
from hoploom.input_service.sets import Sets
from hoploom.input_service.shards import slot_of_name
from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import NotFound, Unavailable, Unprocessable
from hoploom.targets.address_set import ADDRESS_BYTES, AddressSet
from hoploom.wire.campaign import Campaign
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.hops import REMEMBERED_S, Hop
from hoploom.wire.lease import MAX_TTL_S

_EVERY_ADDRESS = "all,all"
_MADE = metrics.counter("hoploom_input_hop_chunks_total", "Chunks of hops that became targets together.")


@dataclass(frozen=True)
class Chunk:
    """One chunk.

    Attributes:
        campaign: The campaign that it is.
        hops: Its hops.
        age_s: Seconds since it was made, by the wall clock, which machines share.
    """

    campaign: Campaign
    hops: list[Hop]
    age_s: float


class HopChunks:
    """Makes chunks, reads them, and ends them."""

    def __init__(self, campaigns: Campaigns, sets: Sets, fence: Fence) -> None:
        """Know where campaigns are kept, and who says which slots are ours."""
        self._campaigns, self._sets, self._fence = campaigns, sets, fence
        self._id = _new_id()

    async def make(self, parent: Campaign, hops: Collection[Hop]) -> Chunk:
        """Make hops targets.

        An id is used until something stands under it. So where an earlier try was carried out after all, though its
        answer was lost, that one counts, and its hops are told; no two of them can stand.

        Args:
            parent: The campaign whose traceroutes found them.
            hops: Hops in public space, whose slots have to be ours until the very write.

        Returns:
            The chunk that stands now, perhaps of other hops.

        Raises:
            Forbidden, Unprocessable: The parent's rules do not let these hops be probed any more.
            Unavailable: A slot is another's, or Consul is away.
        """
        slots = {each.slot for each in hops}
        checks = [check for slot in slots if (check := self._fence.check(slot))]
        if len(checks) < len(slots):
            raise Unavailable("a slot of these hops is another instance's by now")
        try:
            found, _ = await self._campaigns.create(_request(self._id, parent, hops), parent=parent.id, checks=checks)
        except Unprocessable as error:
            try:
                found = await self._campaigns.get(self._id)
            except NotFound:
                # Not an earlier try with other hops: these are refused.
                raise error from None
        self._id = _new_id()
        _MADE.inc()
        return await self._read(found)

    async def live(self) -> list[Chunk]:
        """All chunks of the last 24 hours; raises Unavailable where one cannot be read."""
        return [await self._read(each) for each in await self._made() if _age_s(each) < REMEMBERED_S]

    async def end_old(self, mine: Collection[int]) -> None:
        """Close chunks that are a day old, and remove them when no lease of them can be out.

        Args:
            mine: Slots of this instance: each chunk is ended by one.
        """
        known = {each.id for each in await self._campaigns.all()}
        for each in await self._made():
            if slot_of_name(each.id) not in mine:
                continue
            if _age_s(each) >= REMEMBERED_S and each.id in known:
                await self._campaigns.close(each.id)
            elif _age_s(each) >= REMEMBERED_S + 2 * MAX_TTL_S:
                await self._campaigns.remove(each.id)

    async def _made(self) -> list[Campaign]:
        return [each for each in await self._campaigns.editions(keys.CHUNK) if each.parent]

    async def _read(self, campaign: Campaign) -> Chunk:
        hops: list[Hop] = []
        for each in campaign.sets.values():
            try:
                addresses = await self._sets.addresses(each.sha256)
            except NotFound as error:
                raise Unavailable(f"hops of {campaign.id} cannot be read: {error}") from error
            hops += await asyncio.to_thread(_hops, addresses)
        return Chunk(campaign, hops, _age_s(campaign))


def _request(name: str, parent: Campaign, hops: Iterable[Hop]) -> CampaignRequest:
    """Every hop once for each group, under the parent's limits; a hop rests over all groups."""
    return CampaignRequest(
        id=name,
        name=f"hops of {parent.name}"[:200],
        blocks=tuple(map(str, hops)),
        per_prefix=_EVERY_ADDRESS,
        contact=parent.contact,
        # A parent without a limit has loopback targets alone; public ones have a default.
        rate_pps=parent.rate_pps or None,
        probe=parent.probe,
        cooldown_minutes=parent.cooldown_minutes,
        cooldown_scope="mesh",
        network_pps=parent.network_pps,
        anchors=parent.anchors,
        slices=parent.slices,
    )


def _age_s(campaign: Campaign) -> float:
    return max(0.0, (wall_us() - campaign.created_at_us) / 1e6)


def _hops(addresses: AddressSet) -> list[Hop]:
    raw = addresses.take(np.arange(addresses.n, dtype=np.int64)).tobytes()
    return [Hop.unpacked(raw[start : start + ADDRESS_BYTES]) for start in range(0, len(raw), ADDRESS_BYTES)]


def _new_id() -> str:
    return f"{keys.CHUNK}{uuid.uuid4().hex[:16]}"
