"""Shares what each manager counts of failed sign-ins with the others, by the KV store.

Each writes a key of its own, at most once a second, and follows those of all.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Never

from aiohttp import web

from hoploom.kit import watch
from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.manager.sessions import attempts
from hoploom.manager.sessions.attempts import PREFIX, Attempts, Count

log = logging.getLogger(__name__)
WRITE_EVERY_S = 1.0
PACE_S = 1.0
"""A query for what is not there returns at every write to the store."""

ATTEMPTS = web.AppKey("sessions_attempts", Attempts)


class Sharing:
    """One manager's side of it."""

    def __init__(self, consul: ConsulApi, instance: str, found: Attempts) -> None:
        """Have written nothing yet."""
        self._consul, self._key, self._attempts = consul, f"{PREFIX}{instance}", found
        self._written = 0
        self._any = False

    async def run(self) -> None:
        """Write and follow, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(watch.follow("who failed to sign in", self._read_on, self._learn))
            group.create_task(self._write())

    async def write(self) -> None:
        """Write what is new; raises Unavailable."""
        version = self._attempts.version
        if version != self._written:
            await self._consul.kv_put(self._key, self._attempts.packed(wall_us()))
            self._written = version

    async def sweep(self) -> None:
        """Remove the counts of managers that have faded; one manager does so for all. Raises Unavailable."""
        for each in await self._consul.kv_list(PREFIX):
            if each.key != self._key and attempts.is_old(_read(each.key, each.value).values(), wall_us()):
                await self._consul.kv_delete(each.key)

    async def _write(self) -> Never:
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            try:
                await self.write()
            except Unavailable as error:
                log.info("failures to sign in are told later: %s", error)

    async def _read_on(self, index: int) -> tuple[int, dict[str, dict[str, Count]]]:
        if index and not self._any:
            await asyncio.sleep(PACE_S)
        at, entries = await self._consul.kv_watch(PREFIX, index)
        self._any = bool(entries)
        return at, {each.key: _read(each.key, each.value) for each in entries if each.key != self._key}

    def _learn(self, found: Mapping[str, Mapping[str, Count]]) -> None:
        self._attempts.learn(found)


def _read(key: str, value: bytes) -> dict[str, Count]:
    try:
        return attempts.read(key, value)
    except Unavailable as error:
        log.warning("%s", error)
        return {}
