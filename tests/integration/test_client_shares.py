"""Shares by version hold for services that ask each other directly: a real Consul, four instances, one caller."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine_processes import LOOPBACK, ConsulAgent
from hoploom.kit.balance import ServiceClient
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.membership import Mesh
from hoploom.routing import shares
from hoploom.routing.overrides import Overrides

OLD, NEW = "1.0.0", "2.0.0"
VERSIONS = (OLD, OLD, OLD, NEW)


@pytest.fixture(scope="module")
def agent(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulAgent]:
    made = ConsulAgent(engine_paths["consul"], tmp_path_factory.mktemp("shares"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
async def consul(agent: ConsulAgent) -> AsyncIterator[ConsulApi]:
    """The agent, with the instances of `orders` registered."""
    made, servers = ConsulApi(agent.url), list[TestServer]()
    for at, version in enumerate(VERSIONS):
        app = web.Application()
        app.router.add_get("/", _tells(version))
        servers.append(TestServer(app, host=LOOPBACK))
        await servers[-1].start_server()
        tags = ["urlprefix-/orders", version]
        where = {"Address": LOOPBACK, "Port": servers[-1].port}
        await made.register({"ID": f"orders-{at}", "Name": "orders", "Tags": tags, **where})
    yield made
    for at, each in enumerate(servers):
        await made.deregister(f"orders-{at}")
        await each.close()
    await made.close()


def _tells(version: str) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=version)

    return answer


@pytest.fixture
async def client(agent: ConsulAgent, consul: ConsulApi) -> AsyncIterator[ServiceClient]:
    """A client as a served process has it: its list and the shares are followed."""
    await _set(consul, [])
    mesh, tasks = Mesh("caller"), list[asyncio.Task[None]]()

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    mesh.consul, mesh.spawn = ConsulApi(agent.url), spawn
    yield mesh.client("orders")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await mesh.close()


async def _set(consul: ConsulApi, block: list[str]) -> None:
    """Have our key say this, as `hoploom route weight` and `hoploom deploy` write it."""
    overrides = Overrides(consul)
    assert await overrides.write(shares.put("", "orders", block), (await overrides.read()).index)


async def _asked(client: ServiceClient, count: int) -> Counter[str]:
    """Answers by version, ten requests at a time."""
    found = Counter[str]()
    for _ in range(count // 10):
        answers = await asyncio.gather(*(client.request("GET", "/") for _ in range(10)))
        found.update(each.body.decode() for each in answers)
    return found


async def _share(client: ServiceClient, wanted: float, within: float) -> float:
    """Seconds until the new version's part of a hundred requests is this."""
    began = time.monotonic()
    while abs((await _asked(client, 100))[NEW] / 100 - wanted) > within:
        assert time.monotonic() - began < 5
    return time.monotonic() - began


async def test_a_version_gets_its_share_of_direct_calls_and_none_where_it_has_none(
    consul: ConsulApi, client: ServiceClient
) -> None:
    known = (await consul.instances("orders"))[1]
    await _set(consul, shares.nothing(known, ["/orders"], NEW))
    # What stands is known before the first request.
    assert (await _asked(client, 500))[NEW] == 0
    await _set(consul, shares.share(known, ["/orders"], NEW, 0.1, 1))
    await _share(client, 0.1, 0.09)
    assert (await _asked(client, 2_000))[NEW] / 2_000 == pytest.approx(0.1, abs=0.03)
    await _set(consul, shares.share(known, ["/orders"], NEW, 1.0, 1))
    await _share(client, 1.0, 0.0)
    await _set(consul, [])
    assert await _share(client, 0.25, 0.15) < 1
    assert (await _asked(client, 500))[NEW] / 500 == pytest.approx(0.25, abs=0.1)
