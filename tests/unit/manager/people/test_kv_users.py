"""Users in Consul: a damaged record is nobody, and the last that is known outlives an absence."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.people import users
from hoploom.manager.people.kv_users import PREFIX, KvUsers
from unit.manager.people.records import ANNA, BERT
from waiting import eventually


async def stored(consul: FakeConsul) -> KvUsers:
    for each in (ANNA, BERT):
        assert await consul.kv_put(f"{PREFIX}{each.name}", users.packed(each))
    return KvUsers(consul)


async def test_a_damaged_record_is_nobody_and_harms_nobody() -> None:
    consul = FakeConsul()
    store = await stored(consul)
    await consul.kv_put(f"{PREFIX}bert", b"{")
    assert await store.read() == {"anna": ANNA}
    with pytest.raises(Unavailable, match="damaged"):
        await store.change("bert", users.signed_out())
    assert await store.change("anna", users.signed_out())


async def test_whoever_is_known_stays_known_while_consul_is_away() -> None:
    consul = FakeConsul()
    store = await stored(consul)
    following = asyncio.create_task(store.follow())
    await eventually("the users", lambda: bool(store._known))
    consul.away = True
    with pytest.raises(Unavailable):
        await store.change("anna", users.signed_out())
    assert store.users() == {"anna": ANNA, "bert": BERT}
    following.cancel()


async def test_who_loses_every_race_says_so() -> None:
    class Busy(FakeConsul):
        async def kv_txn(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...] | None:
            return None

    consul = Busy()
    with pytest.raises(Unavailable, match="too many others"):
        await KvUsers(consul).change("anna", lambda _: ANNA)


async def test_an_answer_from_before_ones_own_write_takes_nothing_back() -> None:
    consul = FakeConsul()
    store = await stored(consul)
    before = await consul.kv_watch(PREFIX, 0)
    store._learn(before)
    after = await store.change("anna", users.signed_out())
    store._learn(before)
    assert store.users()["anna"] == after, "it was asked before the write, and answered after it"
    store._learn(await consul.kv_watch(PREFIX, 0))
    assert store.users()["anna"] == after
    # A Consul that was restored counts from anew; its second answer is believed.
    store._learn(before)
    assert store.users()["anna"] == ANNA
