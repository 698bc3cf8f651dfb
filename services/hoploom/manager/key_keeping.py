"""Keeps the list of signing keys: what has expired goes, and the keys of other datacenters' managers come.

One manager of each datacenter does it, the leader of the role `keys`. A worker that was enrolled in one datacenter is
thus let in by the inputs and outputs of all, also while the link is cut. Nothing is ever written back. All writes are
fenced by the term.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Never

from aiohttp import web

from hoploom import kit
from hoploom.kit import Term, metrics, watch
from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.trust.key_record import KEYS, KeyRecord, packed, stored

log = logging.getLogger(__name__)
ROLE = "keys"
LOOK_EVERY_S = 10.0
"""For keys that have expired, and for datacenters that join."""

WAIT_S = 10.0
"""Of a blocking query: a connection that a cut has killed without a word is given up after it."""

PACE_S = 0.25
"""Between two looks at a datacenter: a query for what is not there yet returns at every write to the store."""

MOST_A_WRITE = 60
"""Consul takes 128 operations in one transaction, the check of the term among them."""

_REMOVED = metrics.counter("hoploom_signing_keys_removed_total", "Signing keys that had expired.")
_PULLED = metrics.counter("hoploom_signing_keys_pulled_total", "Signing keys of other datacenters taken over.", ("dc",))


def expired(entries: Iterable[KvEntry], now_us: int) -> list[str]:
    """Places of the keys by which nothing that is still good can have been signed."""
    found = ((each, stored(each)) for each in entries)
    return [each.key for each, record in found if record and record.until_us < now_us]


def taken(dc: str, theirs: Iterable[KvEntry], ours: Iterable[KvEntry], now_us: int) -> list[KeyRecord]:
    """The keys to take over from a datacenter: its own, good, and other than what stands here.

    Args:
        dc: Name of the datacenter.
        theirs: What stands there.
        ours: What stands here.
        now_us: The wall clock, microseconds since 1970.
    """
    known = {each.key: each.value for each in ours}
    found = [record for record in map(stored, theirs) if record and record.dc == dc and record.until_us >= now_us]
    return [each for each in found if known.get(each.stored_at) != packed(each)]


class KeyKeeping:
    """Keeps the keys of one datacenter."""

    def __init__(self, consul: ConsulApi, dc: str) -> None:
        """Follow nothing yet.

        Args:
            consul: The local agent, which asks the others'.
            dc: This datacenter.
        """
        self._consul, self._dc = consul, dc

    async def run(self, term: Term) -> None:
        """Keep them, for as long as the term lasts."""
        followed: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self.remove_expired(term)
                    others = set(await self._consul.datacenters()) - {self._dc}
                except Unavailable as error:
                    log.info("signing keys are looked through later: %s", error)
                else:
                    for dc in others - followed:
                        group.create_task(self._follow(dc, term))
                    followed |= others
                await asyncio.sleep(LOOK_EVERY_S)

    async def remove_expired(self, term: Term) -> None:
        """Remove what has expired by now."""
        gone = expired(await self._consul.kv_list(KEYS), wall_us())
        for at in range(0, len(gone), MOST_A_WRITE):
            some = gone[at : at + MOST_A_WRITE]
            await term.write([{"Verb": "delete", "Key": key} for key in some])
            _REMOVED.inc(len(some))

    async def _follow(self, dc: str, term: Term) -> Never:
        async def read(index: int) -> tuple[int, None]:
            if index:
                await asyncio.sleep(PACE_S)
            found, entries = await self._consul.kv_of(dc, KEYS, index, WAIT_S)
            await self._take(dc, entries, term)
            return found, None

        await watch.follow(f"signing keys of {dc}", read, lambda _: None)

    async def _take(self, dc: str, entries: list[KvEntry], term: Term) -> None:
        new = taken(dc, entries, await self._consul.kv_list(KEYS), wall_us())
        for at in range(0, len(new), MOST_A_WRITE):
            some = new[at : at + MOST_A_WRITE]
            await term.write([{"Verb": "set", "Key": each.stored_at, "Value": packed(each)} for each in some])
            _PULLED.labels(dc).inc(len(some))


async def leads(app: web.Application, term: Term) -> None:
    """What the leader of the role does."""
    mesh = kit.mesh(app)
    await KeyKeeping(mesh.consul, mesh.dc).run(term)
