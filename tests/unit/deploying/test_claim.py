"""Deploys of a service that were begun in different datacenters: one at a time, whoever comes from where."""

import asyncio
from dataclasses import replace

import pytest

from hoploom.deploying.lock import FOLDER, Lock
from hoploom.deploying.record import Record, signed
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fake_consul import FakeConsul

KEY = f"{FOLDER}orders/.lock"
ONE, TWO = Record("1.4.1", who="anna@deb01", process="a 1 1"), Record("1.4.2", who="bob@deb02", process="b 2 2")
STEPPED = replace(ONE, job="orders", where="at 10% in dc1")
Pair = tuple[FakeConsul, FakeConsul]


@pytest.fixture
async def pair() -> Pair:
    one, two = FakeConsul("dc1"), FakeConsul("dc2")
    one.wan["dc2"], two.wan["dc1"] = two, one
    return one, two


@pytest.mark.parametrize("first", [0, 1])
async def test_two_operators_in_two_datacenters_do_not_both_hold_it(pair: Pair, first: int) -> None:
    held = Lock(pair[first], "orders")
    assert await held.take(ONE) is None
    with pytest.raises(ConfigError, match=r"anna@deb01 has been deploying 1\.4\.1"):
        await Lock(pair[1 - first], "orders").take(TWO)
    await held.forget()
    await held.leave()
    assert [await each.kv_list(FOLDER) for each in pair] == [[], []]
    assert await Lock(pair[1 - first], "orders").take(TWO) is None


async def test_of_two_that_begin_at_the_same_time_one_is_refused(pair: Pair) -> None:
    locks = [Lock(each, "orders") for each in pair]
    came = await asyncio.gather(*(each.take(who) for each, who in zip(locks, (ONE, TWO), strict=True)),
                                return_exceptions=True)  # fmt: skip
    assert sorted(type(each).__name__ for each in came) == ["ConfigError", "NoneType"], came


@pytest.mark.parametrize(("at", "next_at"), [(0, 1), (1, 0), (1, 1)])
async def test_what_broke_off_is_found_from_everywhere_and_gone_everywhere_afterwards(
    pair: Pair, at: int, next_at: int
) -> None:
    died = Lock(pair[at], "orders")
    await died.take(ONE)
    await died.note(STEPPED)
    await died.leave()
    found, then = await Lock(pair[next_at], "orders").seen(), Lock(pair[next_at], "orders")
    assert found is not None and (found.where, found.job) == (STEPPED.where, "orders")
    left = await then.take(TWO)
    assert left is not None and (left.where, left.job) == (STEPPED.where, "orders")
    await then.note(replace(STEPPED, process=TWO.process))
    await then.forget()
    await then.leave()
    for each in pair:
        again = Lock(each, "orders")
        assert await again.take(TWO) is None
        await again.forget()
        await again.leave()


async def test_nobody_takes_the_place_of_one_whose_datacenter_does_not_answer(pair: Pair) -> None:
    await Lock(pair[1], "orders").take(ONE)
    pair[0].away_datacenters.add("dc2")
    with pytest.raises(Unavailable, match="from datacenter dc2, which does not answer"):
        await Lock(pair[0], "orders").take(TWO)
    pair[1].away_datacenters.add("dc1")
    with pytest.raises(Unavailable):
        await Lock(pair[1], "stock").take(TWO)
    assert [each.key for each in await pair[1].kv_list(FOLDER)] == [KEY]


async def test_whoever_lost_his_claim_is_told_and_writes_nothing(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoploom.deploying.lock.RENEW_EVERY_S", 0.0)
    lock, lost = Lock(pair[1], "orders"), list[str]()
    await lock.take(signed(ONE))
    await pair[0].kv_put(KEY, TWO.as_bytes())
    await lock.keep(lost.append)
    assert lost == ["bob@deb02"]
    with pytest.raises(Unavailable, match="not ours any more"):
        await lock.note(STEPPED)
    await lock.forget()
    assert [each.key for each in await pair[0].kv_list(FOLDER)] == [KEY]


@pytest.mark.parametrize("at", [0, 1])
async def test_how_it_ended_stands_where_every_manager_looks(pair: Pair, at: int) -> None:
    lock = Lock(pair[at], "orders")
    await lock.take(ONE)
    await lock.forget(replace(STEPPED, where="it is in"))
    await lock.leave()
    [kept] = await pair[0].kv_list(FOLDER)
    assert kept.key == f"{FOLDER}orders/last" and Record.of(kept.value) == replace(STEPPED, where="it is in")
    assert await pair[1].kv_list(FOLDER) == []
