"""Shares by tag with Fabios on paper: they read the same store, and each can stand still or go away."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fabio_api import RouteEntry, Router
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import HttpClient
from hoploom.kit.names import Names
from hoploom.routing import table, weights
from hoploom.routing.overrides import Overrides
from hoploom.routing.weights import Weights, Wish


@dataclass
class World:
    """A Consul, its Fabios on paper, and who weighs."""

    consul: FakeConsul
    weights: Weights
    overrides: Overrides
    routers: list[Router]
    still: set[str] = field(default_factory=set)

    async def register(self, name: str, *tags: str, service: str = "orders") -> None:
        await self.consul.register({
            "ID": name, "Name": service, "Address": "10.0.0.1", "Port": 8000 + len(name),
            "Tags": list(tags), "Checks": [{"CheckID": f"{name}:ready", "Name": "ready", "TTL": "10s"}],
        })  # fmt: skip
        self.consul.set_check(name, "ready", "passing")

    async def share_of(self, tag: str) -> float:
        return sum(each.weight for each in await self.table() if tag in each.tags)

    async def table(self) -> list[RouteEntry]:
        own, others = await self.overrides.all()
        return table.effective(await self.weights.passing(), self.overrides.joined(own.text, others))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    consul, http = FakeConsul(), HttpClient()
    overrides, routers = Overrides(consul), list[Router]()

    async def passing() -> list[Router]:
        return routers

    made = World(consul, Weights(consul, http, overrides, passing), overrides, routers)

    async def routes(request: web.Request) -> web.Response:
        if request.match_info["name"] in made.still:
            return web.json_response([])
        entries = [{"service": each.service, "src": each.src, "dst": each.dst} for each in await made.table()]
        return web.Response(text=json.dumps(entries))

    app = web.Application()
    app.router.add_get("/{name}", routes)
    async with TestServer(app) as server:
        routers += [Router(name, str(server.make_url(f"/{name}"))) for name in ("one", "two")]
        await made.register("orders-old", "urlprefix-/orders", "1.4.0")
        await made.register("orders-next", "urlprefix-/orders", "1.4.1")
        yield made
        await http.close()


async def test_a_share_is_set_seen_moved_and_taken_back(world: World) -> None:
    for share in (0.1, 0.5, 1.0, 0.0):
        shown = await world.weights.share("orders", "1.4.1", share)
        assert shown.routers == ("one", "two")
        assert await world.share_of("1.4.1") == pytest.approx(share)
    assert await world.share_of("1.4.0") == 1
    assert (await world.weights.clear("orders")).text == ""
    assert await world.share_of("1.4.1") == 0.5


async def test_the_same_again_writes_nothing(world: World) -> None:
    await world.weights.share("orders", "1.4.1", 0.1)
    before = await world.overrides.read()
    await world.weights.share("orders", "1.4.1", 0.1)
    assert await world.overrides.read() == before


async def test_services_and_sources_are_weighed_apart(world: World) -> None:
    await world.register("stock", "urlprefix-/stock", "urlprefix-/goods", "2.0", service="stock")
    await world.register("stock-n", "urlprefix-/stock", "urlprefix-/goods", "2.1", service="stock")
    await world.weights.share("orders", "1.4.1", 0.1)
    await world.weights.share("stock", "2.1", 0.2, src="/goods")
    await world.weights.share("stock", "2.1", 0.3, src="/stock")
    shares = {each.src: each.weight for each in await world.table() if "2.1" in each.tags}
    assert shares == pytest.approx({"/goods": 0.2, "/stock": 0.3})
    await world.weights.clear("stock")
    assert await world.share_of("1.4.1") == pytest.approx(0.1)


async def test_who_writes_of_another_service_meanwhile_makes_nobody_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "SHOWN_S", 1.0)
    await world.register("stock", "urlprefix-/stock", "2.0", service="stock")
    await world.register("stock-n", "urlprefix-/stock", "2.1", service="stock")
    written, write = list[str](), world.overrides.write

    async def followed(text: str, index: int) -> bool:
        done = await write(text, index)
        if not written:
            written.append(text)
            # Before any table has shown the first text, the other one stands.
            await world.weights.share("stock", "2.1", 0.2)
        return done

    monkeypatch.setattr(world.overrides, "write", followed)
    assert (await world.weights.share("orders", "1.4.1", 0.1)).routers == ("one", "two")
    assert await world.share_of("1.4.1") == pytest.approx(0.1)


async def test_a_fabio_that_stands_still_is_named_and_one_that_left_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "SHOWN_S", 0.3)
    world.still.add("two")
    with pytest.raises(Unavailable, match="not in the table of two"):
        await world.weights.share("orders", "1.4.1", 0.1)
    gone = world.routers.pop()
    assert (await world.weights.share("orders", "1.4.1", 0.2)).routers == ("one",)
    world.routers.append(gone)


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("zz", 'route weight orders /orders weight 0.9 tags "1.4.1"', "another key below fabio/config"),
        ("zz", "route nonsense", "fabio/config/zz line 1"),
        ("aa", 'route weight orders /orders weight 0.1 tags "9"', "no target matches"),
    ],
)
async def test_with_another_key_in_the_way_nothing_is_written(world: World, key: str, text: str, reason: str) -> None:
    await world.consul.kv_put(f"fabio/config/{key}", text.encode())
    with pytest.raises(ConfigError, match=reason):
        await world.weights.share("orders", "1.4.1", 0.1)
    assert (await world.overrides.read()).index == 0


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (Wish("nobody", "1.4.1", 0.1), "no instance of nobody"),
        (Wish("orders", "1.4.1", 0.1, src="/else"), "is not routed from /else, but /orders"),
        (Wish("orders", "1.4.1", 1.5), "from 0 to 1"),
        (Wish("orders", "1.4.1", 0.00001, 3), "the least share"),
        (Wish("orders", 'a"b', 0.1), "is no tag"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_nothing_is_written(world: World, wish: Wish, reason: str) -> None:
    for attempt in (world.weights.carry_out, world.weights.planned):
        with pytest.raises(ConfigError, match=reason):
            await attempt(wish)
    assert (await world.overrides.read()).index == 0


async def test_a_plan_says_what_would_become_and_writes_nothing(world: World) -> None:
    plan = await world.weights.planned(Wish("orders", "1.4.1", 0.1))
    assert len(table.difference(plan.before, plan.after)) >= 2
    assert (await world.overrides.read()).index == 0


async def test_without_a_fabio_nothing_is_written(world: World) -> None:
    world.routers.clear()
    with pytest.raises(Unavailable, match="no Fabio is passing"):
        await world.weights.share("orders", "1.4.1", 0.1)
    assert (await world.overrides.read()).index == 0


async def test_who_is_overtaken_for_ever_gives_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def overtaken(*_: object) -> bool:
        return False

    monkeypatch.setattr(world.overrides, "write", overtaken)
    with pytest.raises(Unavailable, match="at the same time"):
        await world.weights.share("orders", "1.4.1", 0.1)


async def test_a_guest_s_services_are_meant_by_their_plain_names(world: World) -> None:
    await world.register("hop-orders-1", "urlprefix-/hop/orders", "1.4.0", service="hop-orders")
    await world.register("hop-orders-22", "urlprefix-/hop/orders", "1.4.1", service="hop-orders")
    names = Names.apart("hop")

    async def passing() -> list[Router]:
        return world.routers

    guest = Weights(world.consul, world.weights._http, world.overrides, passing, names)
    await guest.share("orders", "1.4.1", 0.1)
    shares = {each.src: each.weight for each in await world.table() if "1.4.1" in each.tags}
    assert shares == pytest.approx({"/hop/orders": 0.1, "/orders": 0.5})
