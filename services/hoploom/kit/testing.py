"""A pytest plugin: tests of a service on the mesh, without any engine.

    async def test_an_order_is_answered(on_mesh, fake_consul):
        async with TestClient(TestServer(on_mesh(make_app()))) as client:
            assert (await client.get("/orders/7")).status == 200

`fake_consul.add_instance("stock", host, port)` makes `kit.client(request, "stock")` ask a server that the test started;
`fake_consul.away = True` takes Consul away. `on_mesh(app, background=True)` also registers the instance, with passing
checks, and runs what `kit.background` was given and the session.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

import pytest
from aiohttp import web

from hoploom.kit import registration
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import MESH, Mesh, State


class OnMesh(Protocol):
    """What the fixture `on_mesh` gives."""

    def __call__(self, app: web.Application, *, background: bool = False) -> web.Application:
        """Put an application that `kit.setup` has seen on the fake mesh, serving."""


@pytest.fixture
def fake_consul() -> FakeConsul:
    """A Consul in this process, empty."""
    return FakeConsul()


@pytest.fixture
def on_mesh(fake_consul: FakeConsul) -> OnMesh:
    """Puts an application that `kit.setup` has seen on the fake mesh, serving."""

    def put(app: web.Application, *, background: bool = False) -> web.Application:
        mesh = app[MESH]
        mesh.consul, mesh.state = fake_consul, State.SERVING
        if background:
            app.cleanup_ctx.append(_in_background)
        return app

    return put


async def _in_background(app: web.Application) -> AsyncIterator[None]:
    mesh: Mesh = app[MESH]
    consul = mesh.consul
    await consul.register(registration.record(mesh))
    if isinstance(consul, FakeConsul):
        for check in registration.record(mesh)["Checks"]:
            consul.set_check(mesh.id, check["Name"], "passing")
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    mesh.spawn = spawn
    for loop in mesh.loops:
        spawn(loop(app))
    yield
    mesh.spawn = None
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
