"""The shares by version that somebody has set, followed in Consul: one key for all services, one watch a process."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from weakref import WeakSet

from hoploom.kit import version_shares, watch
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.service_list import Listener, Spawn
from hoploom.kit.version_shares import Said

log = logging.getLogger(__name__)
_PAUSE_S = 0.3
"""Between two waits: as long as there is no such key, Consul ends one at any change of any key."""


class ShareList:
    """What our key among Fabio's overrides says; nothing where nobody follows it, or the token may not read it."""

    def __init__(self, consul: ConsulApi, spawn: Callable[[], Spawn | None]) -> None:
        """Know nothing yet.

        Args:
            consul: The agent.
            spawn: Gives what runs a watch, None while nothing does; nothing is known then.
        """
        self._consul, self._spawn = consul, spawn
        self._text, self._followed, self._first_look = "", False, asyncio.Lock()
        self._listeners = WeakSet[Listener]()

    def of(self, service: str) -> Sequence[Said]:
        """What is said of a service."""
        return version_shares.read(self._text, self._consul.names.service(service)) if self._text else ()

    def listen(self, who: Listener) -> None:
        """Have somebody told whenever what is said changes, for as long as anybody else knows of it."""
        self._listeners.add(who)

    async def known(self) -> None:
        """Wait until what stands is known, so far as Consul answers; it is followed from then on."""
        async with self._first_look:
            spawn = self._spawn()
            if self._followed or spawn is None:
                return
            self._followed = True
            spawn(watch.follow("shares by version", self._read, self._learn))
            try:
                self._learn((await self._read(0))[1])
            except Unavailable as error:
                log.debug("shares by version: %s", error)

    async def _read(self, index: int) -> tuple[int, list[KvEntry]]:
        if index:
            await asyncio.sleep(_PAUSE_S)
        return await self._consul.kv_watch(self._consul.names.shares_key, index)

    def _learn(self, found: Sequence[KvEntry]) -> None:
        # Consul gives every key that begins so.
        own = [each.value for each in found if each.key == self._consul.names.shares_key]
        text = own[0].decode("utf-8", "replace") if own else ""
        if text != self._text:
            self._text = text
            for each in self._listeners:
                each.weigh()
