"""Prepared queries over two real Consul servers that are joined: fall over to the other datacenter, and back."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine_processes import ConsulAgent, ask, free_ports
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.kit.membership import Mesh
from hoploom.kit.names import PLAIN
from hoploom.local import queries
from hoploom.local.consul_agent import ConsulAdmin
from waiting import eventually, until


@pytest.fixture
def agents(engine_paths: dict[str, Path], tmp_path: Path) -> Iterator[tuple[ConsulAgent, ConsulAgent]]:
    """One server in dc1 and one in dc2, joined."""
    wan, other = free_ports(2)
    near = ConsulAgent(engine_paths["consul"], tmp_path / "near", serf_wan=wan)
    joined: dict[str, Any] = {"datacenter": "dc2", "retry_join_wan": [f"127.0.0.1:{wan}"], "retry_interval_wan": "1s"}
    far = ConsulAgent(engine_paths["consul"], tmp_path / "far", serf_wan=other, **joined)
    try:
        near.start_bare()
        far.start_bare()
        until("both know both datacenters", lambda: all(map(_knows_both, (near, far))), 40)
        yield near, far
    finally:
        near.stop()
        far.stop()


def _knows_both(agent: ConsulAgent) -> bool:
    return all(ask("GET", f"{agent.url}/v1/health/service/consul?dc={dc}") for dc in ("dc1", "dc2"))


@pytest.fixture
async def servers() -> AsyncIterator[list[int]]:
    """Ports of a service that answers with the name of its datacenter."""

    def of(dc: str) -> TestServer:
        app = web.Application()

        async def answer(_: web.Request) -> web.Response:
            return web.json_response({"dc": dc})

        app.router.add_get("/", answer)
        return TestServer(app)

    async with of("dc1") as one, of("dc2") as two:
        yield [each.port or 0 for each in (one, two)]


async def _register(consul: ConsulApi, port: int) -> None:
    check = {"CheckID": "alive", "Name": "alive", "TTL": "1h", "Status": "passing"}
    await consul.register(
        {"ID": "output-1", "Name": "output", "Address": "127.0.0.1", "Port": port, "Checks": [check]}
    )


async def test_a_call_goes_to_the_nearest_datacenter_that_has_the_service(
    agents: tuple[ConsulAgent, ConsulAgent], servers: list[int]
) -> None:
    consuls = [ConsulApi(each.url) for each in agents]
    mesh, http = Mesh("client"), HttpClient()
    mesh.consul = consuls[0]
    admin = ConsulAdmin(http, agents[0].url, "", PLAIN)

    async def asked() -> str:
        answer = await mesh.client("output", elsewhere=True).request("GET", "/")
        return str(answer.json()["dc"])

    async def told_by(dc: str) -> bool:
        return await asked() == dc

    try:
        with pytest.raises(Unavailable, match="no prepared query hoploom-output"):
            await consuls[0].nearest("output")
        assert await queries.fill(admin) == [f"hoploom-{each}" for each in ("fabio", "input", "manager", "output")]
        assert await queries.fill(admin) == []
        assert await consuls[0].nearest("output") == []
        for consul, port in zip(consuls, servers, strict=True):
            await _register(consul, port)
        await eventually("the own datacenter answers", lambda: told_by("dc1"), 20)
        await consuls[0].heartbeat("alive", "critical", "")
        await eventually("the other one answers", lambda: told_by("dc2"), 20)
        [there] = await consuls[0].nearest("output")
        assert (there.service, there.dc) == ("output", "dc2")
        await consuls[0].heartbeat("alive", "passing", "")
        await eventually("the own one again", lambda: told_by("dc1"), 20)
    finally:
        await mesh.close()
        await consuls[1].close()
        await http.close()
