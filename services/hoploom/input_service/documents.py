"""Pulls what other datacenters' people have said into this one's KV store: campaigns with their sets, and the overlay.

One instance of each datacenter does it, the leader of the role `documents`, and nothing ever writes back. While the
link is cut the last known stands; blocking queries bring what is new as soon as it is there again. All writes are
fenced by the term, and a campaign is written after its sets, so no one here sees a half of it.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Never

from hoploom.input_service import keys, pulling
from hoploom.input_service.campaigns import stored
from hoploom.input_service.sets import Sets
from hoploom.kit import Term, metrics, watch
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.wire import overlay_record
from hoploom.wire.campaign import Campaign
from hoploom.wire.overlay_record import pulled_key, read_stored, stored_version

log = logging.getLogger(__name__)
Settle = Callable[[Campaign], Awaitable[None]]
ROLE = "documents"
WAIT_S = 10.0
"""Of a blocking query: a connection that a cut has killed without a word is given up after it."""

PACE_S = 0.25
"""Between two looks at a datacenter: a query for what is not there yet returns at every write to the store."""

LOOK_EVERY_S = 10.0
"""For datacenters that join."""

_PULLED = metrics.counter("hoploom_input_documents_pulled_total", "Documents taken over.", ("dc", "kind"))
_HEARD = metrics.gauge("hoploom_input_documents_heard", "1 while a datacenter's documents can be read here.", ("dc",))


class Documents:
    """Follows the documents of all other datacenters."""

    def __init__(self, consul: ConsulApi, dc: str, home: str, settle: Settle | None = None) -> None:
        """Follow nothing yet.

        Args:
            consul: The local agent, which asks the others'.
            dc: This datacenter.
            home: The one whose overlay holds everywhere.
            settle: Told of each campaign that is taken over: its stop has to reach the workers here.
        """
        self._consul, self._sets, self._dc, self._home = consul, Sets(consul), dc, home
        self._clashes: set[str] = set()
        self._settle = settle

    async def run(self, term: Term) -> None:
        """Follow, for as long as the term lasts."""
        followed: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                for dc in await self._others() - followed:
                    followed.add(dc)
                    group.create_task(self._follow(dc, keys.CAMPAIGNS, partial(self._campaigns, dc, term)))
                    if dc == self._home:
                        group.create_task(self._follow(dc, overlay_record.KEY, partial(self._overlay, term)))
                await asyncio.sleep(LOOK_EVERY_S)

    async def _others(self) -> set[str]:
        try:
            return set(await self._consul.datacenters()) - {self._dc}
        except Unavailable as error:
            log.info("other datacenters are looked for later: %s", error)
            return set()

    async def _follow(self, dc: str, prefix: str, take: Callable[[list[KvEntry]], Awaitable[None]]) -> Never:
        """Take what stands below a prefix in another datacenter, and whatever it becomes."""

        async def read(index: int) -> tuple[int, None]:
            try:
                if index:
                    await asyncio.sleep(PACE_S)
                found, entries = await self._consul.kv_of(dc, prefix, index, WAIT_S)
                await take(entries)
            except Unavailable:
                _HEARD.labels(dc).set(0)
                raise
            _HEARD.labels(dc).set(1)
            return found, None

        await watch.follow(f"documents of {dc}", read, lambda _: None)

    async def _campaigns(self, dc: str, term: Term, entries: list[KvEntry]) -> None:
        known = await self._consul.kv_list(keys.CAMPAIGNS)
        found = pulling.plan(dc, map(stored, entries), {each.id: each for each in map(stored, known)})
        for each in set(found.clashes) - self._clashes:
            log.warning("campaign %s of %s is not taken over: there is another of that id here", each, dc)
        self._clashes |= set(found.clashes)
        for campaign in found.take:
            for name in pulling.pieces(campaign):
                await self._set(dc, name, term)
            index = next((each.modify_index for each in known if each.key == keys.campaign(campaign.id)), 0)
            await self._campaign(campaign, index, term)

    async def _set(self, dc: str, name: str, term: Term) -> None:
        prefix = keys.target_set(name)
        if await self._sets.has(name):
            return
        _, entries = await self._consul.kv_of(dc, prefix)
        for each in entries:
            await term.write([{"Verb": "set", "Key": each.key, "Value": each.value}])
        if not await self._sets.has(name):
            raise Unavailable(f"the target set {name} is not whole in {dc}")

    async def _campaign(self, campaign: Campaign, index: int, term: Term) -> None:
        value = json.dumps(campaign.to_json()).encode()
        await term.write(
            [
                # Somebody may make one of that id here in this very moment.
                {"Verb": "cas", "Key": keys.campaign(campaign.id), "Value": value, "Index": index},
                {"Verb": "set", "Key": keys.edition(campaign.id, campaign.edition), "Value": value},
            ]
        )
        if self._settle:
            await self._settle(campaign)
        _PULLED.labels(campaign.home_dc, "campaign").inc()
        log.info("campaign %s of edition %s is taken over from %s", campaign.id, campaign.edition, campaign.home_dc)

    async def _overlay(self, term: Term, entries: list[KvEntry]) -> None:
        entry = next((each for each in entries if each.key == overlay_record.KEY), None)
        key = pulled_key(self._home)
        known = await self._consul.kv_get(key, consistent=True)
        # Where the home has an older one, its own instances put the newer one back.
        if entry is not None and (known is None or read_stored(entry).version > stored_version(known)):
            await term.write([{"Verb": "set", "Key": key, "Value": entry.value}])
            _PULLED.labels(self._home, "overlay").inc()
