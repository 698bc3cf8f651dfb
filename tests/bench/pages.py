"""What a manager's pages cost it: 200 instances and 500 workers that are made up, beside the same pages of a few."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from aiohttp.test_utils import TestClient, TestServer

import crowd
from hoploom.cli.bench import Figure, at_most
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import MESH, State
from hoploom.manager.app import make_app
from hoploom.manager.registry import REGISTRY
from hoploom.manager.settings import Settings
from hoploom.manager.sight import SIGHT
from people_made import signed_in

INSTANCES, WORKERS, FEW = 200, 500, 5
TIMES = 30
BOUND_MS, LOOK_MS, BYTES = 50.0, 200.0, 300_000
"""A look every 2 s at 200 ms is a tenth of a core."""

PATHS = ("/", "/fleet", "/fleet?sort=spool&page=3", "/fleet/pi-002", "/mesh")


def measure() -> list[Figure]:
    """Run it."""
    many, few = asyncio.run(_costs(INSTANCES, WORKERS)), asyncio.run(_costs(FEW, FEW))
    figures = [
        at_most(f"CPU of {path}", many[path][0], "ms", BOUND_MS, (f"a fleet of {2 * FEW}", few[path][0]))
        for path in PATHS
    ]
    figures.append(at_most("CPU of a look", many["look"][0], "ms", LOOK_MS, (f"of {2 * FEW}", few["look"][0])))
    return [*figures, at_most("largest page", max(size for _, size in many.values()), "bytes", BYTES)]


async def _costs(instances: int, workers: int) -> dict[str, tuple[float, int]]:
    """Median CPU in ms of this process, which is the client too, and the size in bytes; of each page and of a look."""
    consul, app = FakeConsul(), make_app(Settings(fabio_addr="http://127.0.0.1:1", development=True))
    app[MESH].consul, app[MESH].state = consul, State.SERVING
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(crowd.services())
        await crowd.instances(consul, instances, port)
        headers = {**await signed_in(consul), "Accept": "text/html"}
        client = await stack.enter_async_context(TestClient(TestServer(app), headers=headers))
        await crowd.workers(consul, app[REGISTRY], workers)
        looks, found = [], dict[str, tuple[float, int]]()
        for _ in range(TIMES // 3):
            began_s = time.process_time()
            await app[SIGHT].fresh()
            looks.append(time.process_time() - began_s)
        for path in PATHS:
            found[path] = await _page(client, path)
        return {**found, "look": (_median_ms(looks), 0)}


async def _page(client: TestClient, path: str) -> tuple[float, int]:  # type: ignore[type-arg]
    costs, size = [], 0
    for _ in range(TIMES):
        began_s = time.process_time()
        async with client.get(path) as answer:
            size = len(await answer.read())
            assert answer.status == 200, path
        costs.append(time.process_time() - began_s)
    return _median_ms(costs), size


def _median_ms(seconds: Sequence[float]) -> float:
    return 1000 * statistics.median(seconds)
