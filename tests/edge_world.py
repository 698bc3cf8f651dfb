"""A projector on any Consul, and what it hears: ads by a clock that a test moves."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.membership import Mesh
from hoploom.manager.projecting import ROLE, Ears, Projecting
from hoploom.manager.registry import Registry
from hoploom.wire.ad_bodies import WorkerBody
from unit.manager.ads_made import ad_of, enveloped
from waiting import eventually


class World:
    """What a manager hears, by a clock that a test moves."""

    def __init__(self) -> None:
        self.now_s, self.asked = 1000.0, 0
        self.registry = Registry(self._clock)
        self._generations = itertools.count(1)
        self.ears = Ears(self.registry, self._clock)
        self.now_s += 100

    def _clock(self) -> float:
        # Looked at in each round.
        self.asked += 1
        return self.now_s

    def hear(self, name: str, *, down: bool = False, **body: str) -> None:
        ad = ad_of(id=name, generation=next(self._generations), down=down, body=WorkerBody(**body))  # type: ignore[arg-type]
        self.registry.hear(ad, enveloped(ad))


async def enrol(consul: ConsulApi, *names: str) -> None:
    for name in names:
        await consul.kv_put(f"hoploom/workers/{name}", json.dumps({"v": 1, "name": name}).encode())


@asynccontextmanager
async def projecting(mesh: Mesh, ears: Ears) -> AsyncIterator["asyncio.Task[None]"]:
    async def lead() -> None:
        async with mesh.leading(ROLE) as term:
            await Projecting(mesh.consul, ears).run(term)

    task = asyncio.get_running_loop().create_task(lead())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def shown(consul: ConsulApi, **wanted: str) -> None:
    """Wait until just these workers stand in Consul, each with its status."""

    async def stand() -> bool:
        found = await consul.external_nodes("ping")
        return {each.name.removeprefix("edge-"): each.status for each in found} == wanted

    await eventually(f"{wanted} in Consul", stand)
