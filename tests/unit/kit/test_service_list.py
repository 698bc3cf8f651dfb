"""Who stands behind a service: what is followed, what is kept, and when the nearest datacenter is asked."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from hoploom.kit import service_list
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.service_list import Addresses, ServiceList


@pytest.fixture
async def followed(fake_consul: FakeConsul) -> AsyncIterator[ServiceList]:
    """The list of the service `shop`, followed as a served process does."""
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    yield ServiceList(fake_consul, "shop", lambda: spawn)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_list, "NEAREST_FRESH_S", 0.0)


async def _ports(known: ServiceList) -> list[int]:
    await known.refresh()
    for _ in range(5):
        await asyncio.sleep(0)
    assert sorted(each.url for each in known.pool.peers) == sorted(each.url for each in known.instances)
    return sorted(each.port for each in known.instances)


@pytest.mark.parametrize("leaves", ["maintenance", "critical", "deregistered"])
async def test_who_leaves_is_out_of_the_list_without_another_reading(
    leaves: str, fake_consul: FakeConsul, followed: ServiceList
) -> None:
    for port in (1, 2):
        fake_consul.add_instance("shop", "127.0.0.1", port)
    assert await _ports(followed) == [1, 2]
    match leaves:
        case "maintenance":
            await fake_consul.maintenance("shop-1", enable=True)
        case "critical":
            fake_consul.set_check("shop-1", "ready", "critical")
        case "deregistered":
            await fake_consul.deregister("shop-1")
    assert await _ports(followed) == [2]


async def test_an_empty_list_keeps_the_last_known_and_a_new_one_replaces_it(
    fake_consul: FakeConsul, followed: ServiceList
) -> None:
    fake_consul.add_instance("shop", "127.0.0.1", 1)
    assert await _ports(followed) == [1]
    await fake_consul.deregister("shop-1")
    assert await _ports(followed) == [1]
    fake_consul.add_instance("shop", "127.0.0.1", 2)
    assert await _ports(followed) == [2]


async def test_nobody_known_and_consul_away_is_an_outage(fake_consul: FakeConsul, followed: ServiceList) -> None:
    assert await followed.everyone() == ()
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await followed.everyone()


@pytest.mark.usefixtures("quick")
async def test_where_no_instance_is_here_the_nearest_datacenter_does_and_here_again_afterwards(
    fake_consul: FakeConsul,
) -> None:
    shop = ServiceList(fake_consul, "shop", elsewhere=True)
    fake_consul.add_instance("shop", "127.0.0.1", 1)
    fake_consul.add_instance("shop", "127.0.0.1", 2, dc="dc2")
    assert await _ports(shop) == [1]
    await fake_consul.deregister("shop-1")
    assert await _ports(shop) == [2]
    fake_consul.add_instance("shop", "127.0.0.1", 1)
    assert await _ports(shop) == [1]


@pytest.mark.usefixtures("quick")
async def test_another_datacenter_is_not_asked_unless_the_caller_wants_it(fake_consul: FakeConsul) -> None:
    fake_consul.add_instance("shop", "127.0.0.1", 2, dc="dc2")
    assert await _ports(ServiceList(fake_consul, "shop")) == []


@pytest.mark.usefixtures("quick")
async def test_the_nearest_known_last_stay_while_consul_is_away(fake_consul: FakeConsul) -> None:
    shop = ServiceList(fake_consul, "shop", elsewhere=True)
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await shop.everyone()
    fake_consul.away = False
    fake_consul.add_instance("shop", "127.0.0.1", 2, dc="dc2")
    assert await _ports(shop) == [2]
    fake_consul.away = True
    assert await _ports(shop) == [2]


async def test_the_nearest_are_not_asked_for_before_every_call(fake_consul: FakeConsul) -> None:
    shop = ServiceList(fake_consul, "shop", elsewhere=True)
    fake_consul.add_instance("shop", "127.0.0.1", 2, dc="dc2")
    assert await _ports(shop) == [2]
    fake_consul.add_instance("shop", "127.0.0.1", 3, dc="dc2")
    assert await _ports(shop) == [2]


async def test_addresses_are_asked_for_each_time_and_remembered_while_they_stay() -> None:
    urls = ["http://one"]
    named = Addresses(lambda: urls)
    await named.refresh()
    [one] = named.pool.peers
    await named.refresh()
    assert list(named.pool.peers) == [one]
    urls[0] = "http://two"
    await named.refresh()
    assert [each.url for each in named.pool.peers] == ["http://two"]
    with pytest.raises(Unavailable, match="behind http://two is not known"):
        await named.everyone()
