"""Shares by version, followed: what comes, what goes, and what stays while Consul is away."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from hoploom.kit import share_list
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.names import Names
from hoploom.kit.service_list import ServiceList
from hoploom.kit.share_list import ShareList

KEY, TENTH = "fabio/config/hoploom", 'route weight shop /shop weight 0.2 tags "2.0.0"'


class Listener:
    """Notes what is said of the shop whenever it is told that something is."""

    def __init__(self, shares: ShareList) -> None:
        self._shares, self.told = shares, list[object]()

    def weigh(self) -> None:
        self.told.append(self._shares.of("shop"))


@pytest.fixture
def tasks() -> list[asyncio.Task[None]]:
    return []


@pytest.fixture
async def shares(
    fake_consul: FakeConsul, tasks: list[asyncio.Task[None]], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ShareList]:
    """Shares as a served process follows them."""
    monkeypatch.setattr(share_list, "_PAUSE_S", 0.0)

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.get_running_loop().create_task(work))

    yield ShareList(fake_consul, lambda: spawn)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _settled() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def test_what_is_set_is_told_and_what_is_taken_away_too(fake_consul: FakeConsul, shares: ShareList) -> None:
    listener = Listener(shares)
    shares.listen(listener)
    await shares.known()
    assert shares.of("shop") == ()
    await fake_consul.kv_put(KEY, TENTH.encode())
    await _settled()
    await fake_consul.kv_put(KEY, b"")
    await _settled()
    assert listener.told == [(("2.0.0", 0.2),), ()]


async def test_what_stands_is_known_when_it_is_first_asked_for_and_read_once_for_all(
    fake_consul: FakeConsul, shares: ShareList, tasks: list[asyncio.Task[None]]
) -> None:
    await fake_consul.kv_put(KEY, TENTH.encode())
    for _ in range(3):
        await shares.known()
    assert shares.of("shop") == (("2.0.0", 0.2),)
    assert shares.of("stock") == ()
    assert len(tasks) == 1


@pytest.mark.parametrize("key", [f"{KEY}-2", "fabio/config"])
async def test_other_keys_say_nothing(key: str, fake_consul: FakeConsul, shares: ShareList) -> None:
    await fake_consul.kv_put(key, TENTH.encode())
    await shares.known()
    assert shares.of("shop") == ()


async def test_the_last_known_stay_while_consul_is_away(fake_consul: FakeConsul, shares: ShareList) -> None:
    await fake_consul.kv_put(KEY, TENTH.encode())
    await shares.known()
    fake_consul.away = True
    await _settled()
    assert shares.of("shop") == (("2.0.0", 0.2),)


async def test_an_outage_at_the_first_look_keeps_nobody_from_asking(fake_consul: FakeConsul, shares: ShareList) -> None:
    fake_consul.away = True
    await shares.known()
    assert shares.of("shop") == ()


async def test_among_strangers_the_key_and_the_service_have_the_prefix(
    fake_consul: FakeConsul, shares: ShareList
) -> None:
    fake_consul.names = Names.apart("lab")
    # As `ConsulApi` gives it: without the prefix.
    await fake_consul.kv_put("hoploom/fabio/config/lab", TENTH.replace("shop", "lab-shop", 1).encode())
    await shares.known()
    assert shares.of("shop") == (("2.0.0", 0.2),)


async def test_a_list_of_instances_has_them_by_their_shares_from_its_first_reading_on(
    fake_consul: FakeConsul, shares: ShareList
) -> None:
    for port, version in ((1, "1.0.0"), (2, "2.0.0")):
        where = {"Address": "127.0.0.1", "Port": port}
        await fake_consul.register({"ID": f"shop-{port}", "Name": "shop", "Tags": [version], **where})
    await fake_consul.kv_put(KEY, b'route weight shop /shop weight 2 tags "1.0.0"')
    spawned = list[asyncio.Task[None]]()
    loop = asyncio.get_running_loop()
    shop = ServiceList(fake_consul, "shop", lambda: lambda work: spawned.append(loop.create_task(work)), shares=shares)
    await shop.refresh()
    assert _asked(shop) == {"http://127.0.0.1:1"}
    await fake_consul.kv_put(KEY, b"")
    await _settled()
    assert _asked(shop) == {"http://127.0.0.1:1", "http://127.0.0.1:2"}
    for task in spawned:
        task.cancel()


def _asked(known: ServiceList) -> set[str]:
    found = set[str]()
    for _ in range(60):
        turn = known.pool.take(1e9)
        assert turn is not None
        found.add(turn.peer.url)
        known.pool.leave(turn)
    return found
