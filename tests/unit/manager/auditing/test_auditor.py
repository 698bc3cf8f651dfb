"""The auditor as a leader runs it: what it writes, what it tells metrics, and what it leaves behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit import fabio_api, metrics
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.kit.names import PLAIN
from hoploom.manager.auditing import attaching, auditor, canary, record
from hoploom.manager.auditing.auditor import Auditor
from hoploom.manager.auditing.flipping import Pace
from hoploom.manager.auditing.standing import FOLLOWS, RouterStanding, Standing
from members import member
from waiting import eventually

PACE = Pace(flip_s=1.0, stall_s=1.0)
ORDERS = {"ID": "orders-1", "Name": "orders", "Address": "127.0.0.1", "Port": 7, "Tags": ["urlprefix-/orders"],
          "Checks": [{"Name": "ready", "Status": "passing", "CheckID": "c"}]}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor, "JUDGE_S", 0.05)
    monkeypatch.setattr(auditor, "EVERY_S", 0.1)


@asynccontextmanager
async def router(consul: FakeConsul, *, knows: tuple[str, ...] = ("orders",)) -> AsyncIterator[None]:
    """A Fabio that follows at once, and knows these services."""

    async def table(_: web.Request) -> web.Response:
        lines = []
        for service in (fabio_api.CANARY, *knows):
            for each in (await consul.instances(service))[1]:
                path = each.tags[0].split(" ")[0].removeprefix("urlprefix-")
                lines.append({"service": service, "src": path, "dst": f"http://{each.address}:{each.port}/"})
        return web.Response(text=json.dumps(lines, separators=(",", ":")))

    app = web.Application()
    app.add_routes([web.get("/api/routes", table)])
    async with TestServer(app) as server:
        meta = {"proxy": f"127.0.0.1:{server.port}", "path": "/api/routes"}
        consul.add_instance(fabio_api.SERVICE, "127.0.0.1", int(server.port or 0), meta=meta)
        yield


@asynccontextmanager
async def auditing(mesh: Mesh) -> AsyncIterator[None]:
    """It audits while it leads."""

    async def lead() -> None:
        async with mesh.leading(attaching.ROLE) as term:
            await Auditor(mesh, PACE).run(term)

    task = asyncio.create_task(lead())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await mesh.http.close()


async def written(consul: FakeConsul) -> Standing:
    entry = await consul.kv_get(record.KEY)
    return (record.decoded(entry.value) if entry else None) or Standing()


async def state(consul: FakeConsul) -> list[str]:
    return [each.state for each in (await written(consul)).routers]


async def canaries(consul: FakeConsul) -> list[str]:
    return [each.id for each in (await consul.instances(fabio_api.CANARY, passing=False))[1]]


async def test_a_router_is_timed_written_down_and_told_and_nothing_is_left(fake_consul: FakeConsul) -> None:
    async def follows() -> bool:
        return await state(fake_consul) == [FOLLOWS]

    await fake_consul.register(ORDERS)
    async with member(fake_consul) as mesh, router(fake_consul):
        async with auditing(mesh):
            await eventually("it is timed", follows)
            standing = await written(fake_consul)
            assert standing.leader == mesh.id and standing.findings == ()
            assert standing.routers[0].p50_s is not None and standing.routers[0].p50_s < 1.0
            await eventually("its table was read", lambda: b"hoploom_route_table_shrunken{" in told())
            assert b'hoploom_route_converge_seconds_count{dc="dc1",fabio="fake"' in told()
            assert b'hoploom_route_table_stalled{dc="dc1",fabio="fake",instance_id="i",service="s"} 0.0' in told()
            assert len(await canaries(fake_consul)) == 1
        assert await canaries(fake_consul) == []
        assert b"hoploom_route_table_stalled{" not in told(), "who leads no more says nothing"


async def test_what_two_looks_find_is_written_with_its_cure(fake_consul: FakeConsul) -> None:
    async def found() -> bool:
        return [each.subject for each in (await written(fake_consul)).findings] == ["orders-1"]

    await fake_consul.register(ORDERS)
    async with member(fake_consul) as mesh, router(fake_consul, knows=()), auditing(mesh):
        await eventually("it is missing", found)
        [finding] = (await written(fake_consul)).findings
        assert (finding.kind, finding.severity, bool(finding.cure)) == ("missing", "error", True)
        await eventually("metrics tell", lambda: b'hoploom_route_findings{dc="dc1",' in told())


async def test_a_successor_takes_out_what_was_left_and_keeps_since_when(fake_consul: FakeConsul) -> None:
    async def own_alone() -> bool:
        found = await canaries(fake_consul)
        return len(found) == 1 and "manager-dead" not in found[0]

    async def since() -> bool:
        return [each.since_us for each in (await written(fake_consul)).routers if each.state == FOLLOWS] == [5]

    await fake_consul.register(canary.record("manager-dead", PLAIN, 30.0, up=True))
    old = Standing("manager-dead", 9, (RouterStanding("fake", FOLLOWS, 5),))
    await fake_consul.kv_put(record.KEY, record.encoded(old))
    async with member(fake_consul) as mesh, router(fake_consul), auditing(mesh):
        await eventually("the dead one's is gone", own_alone)
        await eventually("it follows as before", since)


def told() -> bytes:
    return metrics.page("i", "s", "dc1")
