"""Who is revoked: the overlay's list, followed by every instance that lets workers in.

What was read last is kept while Consul is away or the stored one is damaged, and an older version never takes a
revocation back: who was shut out stays out until somebody lets it in.
"""

import asyncio

from hoploom.kit import watch
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, read_stored

PACE_S = 1.0
"""A query for what is not there returns at every write to the store."""


class Revocations:
    """The revoked workers as this instance knows them: of this datacenter and of the home's."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know nothing yet, and so let no enrolled worker in."""
        self._consul = consul
        self._known: dict[str, OverlayDocument] | None = None
        self._revoked: frozenset[str] = frozenset()

    def is_revoked(self, worker: str) -> bool:
        """Whether a worker is; raises Unavailable before the first read."""
        if self._known is None:
            raise Unavailable("who is revoked is not known here yet")
        return worker in self._revoked

    async def run(self) -> None:
        """Follow the stored overlays, for ever."""
        await watch.follow("who is revoked", self._read_on, self._learn)

    async def _read_on(self, index: int) -> tuple[int, dict[str, OverlayDocument]]:
        if index and not self._known:
            await asyncio.sleep(PACE_S)
        found, entries = await self._consul.kv_watch(KEY, index)
        return found, {each.key: read_stored(each) for each in entries}

    def _learn(self, found: dict[str, OverlayDocument]) -> None:
        before = self._known or {}
        newer = {key: each for key, each in found.items() if key not in before or each.version > before[key].version}
        self._known = before | newer
        self._revoked = frozenset(name for each in self._known.values() for name in each.revoked)
