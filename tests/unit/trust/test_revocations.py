"""Who is revoked: both overlays count, what is known stays known, and an older version takes nothing back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.trust import revocations
from hoploom.trust.revocations import Revocations
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, packed, pulled_key
from waiting import eventually

HOME = pulled_key("dc1")


@asynccontextmanager
async def following(consul: FakeConsul) -> AsyncIterator[Revocations]:
    found = Revocations(consul)
    task = asyncio.get_running_loop().create_task(found.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def put(consul: FakeConsul, key: str, version: int, *revoked: str) -> None:
    await consul.kv_put(key, packed(OverlayDocument(version=version, revoked=revoked)))


def knows(found: Revocations, **expected: bool) -> bool:
    try:
        return all(found.is_revoked(name) is revoked for name, revoked in expected.items())
    except Unavailable:
        return False


@pytest.fixture
def consul(monkeypatch: pytest.MonkeyPatch) -> FakeConsul:
    monkeypatch.setattr(revocations, "PACE_S", 0.0)
    return FakeConsul()


def test_before_the_first_read_nobody_knows(consul: FakeConsul) -> None:
    with pytest.raises(Unavailable, match="not known here yet"):
        Revocations(consul).is_revoked("pi")


async def test_where_there_is_no_overlay_nobody_is_revoked(consul: FakeConsul) -> None:
    async with following(consul) as found:
        await eventually("it is known", lambda: knows(found, pi=False))


async def test_the_homes_list_and_the_own_one_both_count_and_are_followed(consul: FakeConsul) -> None:
    await put(consul, KEY, 1, "own")
    await put(consul, HOME, 1, "home")
    async with following(consul) as found:
        await eventually("both are known", lambda: knows(found, own=True, home=True, pi=False))
        await put(consul, KEY, 2, "pi")
        await eventually("a change is known", lambda: knows(found, own=False, home=True, pi=True))


async def test_what_is_older_or_damaged_or_gone_takes_nothing_back(consul: FakeConsul) -> None:
    await put(consul, KEY, 5, "pi")
    await put(consul, HOME, 1)
    async with following(consul) as found:
        await eventually("it is known", lambda: knows(found, pi=True))
        await put(consul, KEY, 4)
        await put(consul, HOME, 2, "seen")
        await eventually("an older one was read", lambda: knows(found, seen=True))
        assert knows(found, pi=True)
        await consul.kv_delete(KEY)
        await put(consul, HOME, 3, "seen-again")
        await eventually("there is none", lambda: knows(found, **{"seen-again": True}))
        assert knows(found, pi=True)
        await consul.kv_put(KEY, b"damaged")
        consul.away = True
        assert knows(found, pi=True)
