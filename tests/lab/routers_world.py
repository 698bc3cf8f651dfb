"""Fabios on virtual time before a fake Consul: they poll, freeze, hang and start anew; each remembers what is true."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hoploom.kit import fabio_api
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.manager.auditing.flipping import Flipping, Pace

POLL_S = 0.5
PACE = Pace(flip_s=10.0, stall_s=10.0)


def now_s() -> float:
    return asyncio.get_running_loop().time()


class Fabio:
    """One router: its table is what Consul said at its last poll."""

    def __init__(self, name: str, consul: FakeConsul, chance: random.Random) -> None:
        """Begin with an empty table, at a moment of its own."""
        self.name, self._consul, self._chance = name, consul, chance
        self.frozen = self.hangs = False
        self.lag_s = 0.0
        self.table: frozenset[str] = frozenset()
        self.changed_s: list[float] = []
        self.reads: list[float] = []

    async def run(self) -> None:
        """Poll for ever."""
        await asyncio.sleep(self._chance.random() * POLL_S)
        while True:
            await self._poll()
            await asyncio.sleep(POLL_S)

    async def _poll(self) -> None:
        if self.frozen or self.hangs:
            return
        try:
            _, found = await self._consul.instances(fabio_api.CANARY)
        except Unavailable:
            return
        table = frozenset(each.tags[0].split(" ")[0].removeprefix("urlprefix-") for each in found)
        if self.lag_s:
            await asyncio.sleep(self.lag_s)
        if table != self.table:
            self.table = table
            self.changed_s.append(now_s())

    async def text(self) -> bytes:
        """Its table as its page tells it."""
        self.reads.append(now_s())
        if self.hangs:
            await asyncio.sleep(1.0)
            raise Unavailable(f"no route table from {self.name} (TimeoutError)")
        await asyncio.sleep(0.002)
        return json.dumps([{"service": "route-canary", "src": each, "dst": "http://127.0.0.1:9/"}
                           for each in sorted(self.table)], separators=(",", ":")).encode()


class World:
    """Some Fabios, a Consul and the canary of one leader."""

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...] = ("a", "b")) -> None:
        """Make them; nothing runs yet."""
        self.chance, self.consul, self.mesh = random.Random(seed), FakeConsul(), Mesh("manager")
        self.mesh.consul = self.consul
        self.fabios = {name: Fabio(name, self.consul, self.chance) for name in names}
        for port, name in enumerate(names, 1):
            self.consul.add_instance(fabio_api.SERVICE, f"fabio-{name}", port, meta={
                "proxy": f"fabio-{name}:80", "path": f"/_mesh/{name}/api/routes",
            })
        monkeypatch.setattr(fabio_api, "text", self._text)
        self.flipping: Flipping = None  # type: ignore[assignment]
        self.turns: list[float] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Flipping]:
        """Everybody runs."""
        self.mesh.http = _NoHttp()  # type: ignore[assignment]
        self.flipping = Flipping(self.mesh, PACE, now_s)
        tasks = [asyncio.create_task(each.run()) for each in self.fabios.values()]
        tasks += [asyncio.create_task(self.flipping.run()), asyncio.create_task(self._watch())]
        try:
            yield self.flipping
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def states(self) -> dict[str, bool]:
        """Who counts as stalled."""
        return {name.rpartition("fabio-")[2].partition(":")[0]: each.stalled
                for name, each in self.flipping.course.followers.items()}

    def times(self, name: str) -> list[float]:
        """What was measured of one."""
        return next((list(found) for key, found in self.flipping.times.items() if f"fabio-{name}:" in key), [])

    async def _text(self, session: object, url: str, timeout_s: float) -> bytes:
        name = url.partition("fabio-")[2].partition(":")[0]
        return await self.fabios[name].text()

    async def _watch(self) -> None:
        """When Consul has turned, by whoever did it."""
        index, was = 0, None
        while True:
            try:
                index, found = await self.consul.instances(fabio_api.CANARY, passing=False, index=index)
            except Unavailable:
                await asyncio.sleep(0.01)
                continue
            now = next((each.status for each in found), None)
            if now != was:
                self.turns.append(now_s())
            was = now


class _NoHttp:
    session = None
