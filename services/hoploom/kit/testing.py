"""A pytest plugin: tests of a service on the mesh, without any engine.

    async def test_an_order_is_answered(on_mesh, fake_consul):
        async with TestClient(TestServer(on_mesh(make_app()))) as client:
            assert (await client.get("/orders/7")).status == 200

`fake_consul.add_instance("stock", host, port)` makes `kit.client(request, "stock")` ask a server that the test started;
`fake_consul.away = True` takes Consul away.
"""

from collections.abc import Callable

import pytest
from aiohttp import web

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.mesh import MESH, State


@pytest.fixture
def fake_consul() -> FakeConsul:
    """A Consul in this process, empty."""
    return FakeConsul()


@pytest.fixture
def on_mesh(fake_consul: FakeConsul) -> Callable[[web.Application], web.Application]:
    """Puts an application that `kit.setup` has seen on the fake mesh, serving."""

    def put(app: web.Application) -> web.Application:
        mesh = app[MESH]
        mesh.consul, mesh.state = fake_consul, State.SERVING
        return app

    return put
