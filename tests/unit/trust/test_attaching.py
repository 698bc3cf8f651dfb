"""A service with a guard: keys and revocations are followed from its start, and act on who is let in."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.trust import revocations
from hoploom.trust.attaching import GUARD, attach
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, packed
from unit.trust.issuing import bearer, publish
from waiting import eventually

Client = TestClient[web.Request, web.Application]


async def who(request: web.Request) -> web.Response:
    caller = await request.app[GUARD].caller(request)
    return web.json_response({"name": caller.name})


@pytest.fixture
async def client(on_mesh: OnMesh, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setattr(revocations, "PACE_S", 0.0)
    app = web.Application()
    app.add_routes([web.get("/who", who)])
    kit.setup(app, name="orders", routes=["/who"])
    attach(app, "shared-secret")
    async with TestClient(TestServer(on_mesh(app, background=True))) as client:
        yield client


async def status(client: Client, headers: dict[str, str]) -> int:
    return (await client.get("/who", headers=headers)).status


async def test_a_worker_is_let_in_until_it_is_revoked(client: Client, fake_consul: FakeConsul) -> None:
    await publish(fake_consul)

    async def is_answered(expected: int) -> bool:
        return await status(client, bearer("pi-1")) == expected

    await eventually("it is let in", lambda: is_answered(200))
    await fake_consul.kv_put(KEY, packed(OverlayDocument(version=1, revoked=("pi-1",))))
    await eventually("it is shut out", lambda: is_answered(403))
    assert await status(client, bearer("pi-2")) == 200
    assert await status(client, {"Authorization": "Bearer shared-secret"}) == 200
    assert await status(client, {}) == 401
