"""`manager.claimed`: whose path it is that no router knows an instance for."""

import pytest

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.names import Names
from hoploom.manager import claimed
from hoploom.manager.claimed import Claims

PLAIN, APART = Names(), Names.apart("ours")


class World:
    """A catalogue, a clock, and what a manager makes of them."""

    def __init__(self, names: Names = PLAIN) -> None:
        self.consul, self.now_s = FakeConsul(), 100.0
        self.claims = Claims(self.consul, names, lambda: self.now_s)

    async def enter(self, service: str, *tags: str) -> None:
        """Register an instance, whose checks nobody has seen pass."""
        await self.consul.register({"ID": f"{service}-1", "Name": service, "Port": 1, "Tags": list(tags), "Checks": []})

    async def later(self, seconds: float) -> None:
        self.now_s += seconds
        await self.claims.look()


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("host", "path", "owner"),
    [
        ("mesh", "/orders", "orders"),
        ("mesh:9999", "/orders/7", "orders"),
        ("mesh", "/orders/bills/7", "bills"),
        ("shop.example.org:9999", "/cart", "cart"),
        ("other.example.org", "/cart", ""),
        ("mesh", "/nothing", ""),
        ("mesh", "/order", ""),
    ],
    ids=["its path", "below it", "the longest", "its host", "another host", "nobody's", "a part of its path"],
)
async def test_a_path_is_its_who_has_claimed_it(world: World, host: str, path: str, owner: str) -> None:
    await world.enter("orders", "urlprefix-/orders strip=/orders", "1.0", "urlprefix-no slash")
    await world.enter("bills", "urlprefix-/orders/bills")
    await world.enter("shop", "urlprefix-shop.example.org/")
    await world.enter("cart", "urlprefix-shop.example.org/cart")
    await world.enter("tcp", "urlprefix-:9000 proto=tcp")
    await world.enter("manager", "urlprefix-/", "urlprefix-/nothing")
    assert await world.claims.owner(host, path) == owner


async def test_among_strangers_the_router_has_taken_our_beginning_off() -> None:
    world = World(APART)
    await world.enter("ours-orders", "urlprefix-/ours/orders strip=/ours/orders")
    assert await world.claims.owner("mesh", "/orders/7") == "orders"
    assert await world.claims.owner("mesh", "/ours/orders") == ""


async def test_who_was_stopped_is_missed_for_a_while_and_then_unknown(world: World) -> None:
    await world.enter("orders", "urlprefix-/orders")
    await world.claims.look()
    await world.consul.deregister("orders-1")
    await world.later(claimed.REMEMBERED_S)
    assert await world.claims.owner("mesh", "/orders") == "orders"
    await world.later(claimed.FRESH_S)
    assert await world.claims.owner("mesh", "/orders") == ""


async def test_without_consul_what_was_known_stays_and_nothing_else_is_claimed(world: World) -> None:
    await world.enter("orders", "urlprefix-/orders")
    await world.claims.look()
    world.consul.away = True
    await world.later(claimed.EVERY_S)
    assert await world.claims.owner("mesh", "/orders") == "orders"
    assert await world.claims.owner("mesh", "/nothing") == ""


async def test_who_asks_for_nothing_often_has_consul_asked_once_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[float]()
    services = world.consul.services

    async def counted() -> dict[str, list[str]]:
        looks.append(world.now_s)
        return await services()

    monkeypatch.setattr(world.consul, "services", counted)
    for _ in range(30):
        world.now_s += 0.1
        await world.claims.owner("mesh", "/nothing")
    assert 2 <= len(looks) <= 3
