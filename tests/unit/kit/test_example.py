"""The kit in twenty lines, as a team would write it, tested by the pytest plugin and no engine."""

from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.fake_consul import FakeConsul

DATABASE = {"open": True}


async def order(request: web.Request) -> web.Response:
    item = await kit.client(request, "stock").request("GET", "/items/7")
    return web.json_response({"item": item.json(), "instance": kit.me(request).id})


async def database_answers() -> None:
    if not DATABASE["open"]:
        raise kit.NotReady("the database is closed")


def make_app() -> web.Application:
    app = web.Application()
    app.router.add_get("/orders/{id}", order)
    kit.setup(app, name="orders", routes=["/orders"], ready=[database_answers])
    return app


async def _item(_: web.Request) -> web.Response:
    return web.json_response({"name": "apple"})


async def test_an_order_asks_the_stock(
    on_mesh: Callable[[web.Application], web.Application], fake_consul: FakeConsul
) -> None:
    stock = web.Application()
    stock.router.add_get("/items/7", _item)
    async with TestServer(stock) as server, TestClient(TestServer(on_mesh(make_app()))) as client:
        assert server.port
        fake_consul.add_instance("stock", "127.0.0.1", server.port)
        first = await (await client.get("/orders/1")).json()
        assert first["item"] == {"name": "apple"}
        assert first["instance"].startswith("orders-")
        fake_consul.away = True
        assert (await client.get("/orders/2")).status == 200, "the last known list goes on without Consul"


async def test_a_closed_database_shows_in_readiness(
    on_mesh: Callable[[web.Application], web.Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TestClient(TestServer(on_mesh(make_app()))) as client:
        assert (await client.get("/ready")).status == 200
        monkeypatch.setitem(DATABASE, "open", False)
        answer = await client.get("/ready")
        assert answer.status == 503
        assert "not ready: the database is closed" in await answer.text()
