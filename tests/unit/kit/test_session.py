"""How a process keeps its session, and takes locks with it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from hoploom.kit import session as module
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.session import LockWrite, Session
from locks import lock, unlock
from waiting import eventually

RECORD = {"ID": "w-1", "Name": "w", "Port": 1, "Address": "", "Checks": [{"CheckID": "w-1:alive", "Name": "alive"}]}


@pytest.fixture
async def kept(fake_consul: FakeConsul) -> AsyncIterator[Session]:
    session = Session(lambda: fake_consul, "w-1", "w-1:alive")
    task = asyncio.get_running_loop().create_task(session.run())
    yield session
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_is_made_when_the_check_passes_and_made_again_when_it_has_ended(
    kept: Session, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_EVERY_S", 0.05)
    lost: list[str] = []
    kept.on_lost(lambda: lost.append("lost"))
    await fake_consul.register(RECORD)
    await asyncio.sleep(0)
    assert not kept.id, "a critical check carries no session"
    fake_consul.set_check("w-1", "alive", "passing")
    async with asyncio.timeout(60):
        await kept.ready()
    first = kept.id
    assert await kept.acquire("t/.lock", b"me", 0) is not None
    fake_consul.end_session(first)
    await eventually("another session", lambda: kept.id not in ("", first))
    assert lost == ["lost"]


async def test_a_lock_is_one_session_s_and_its_token_grows(kept: Session, fake_consul: FakeConsul) -> None:
    await fake_consul.register(RECORD)
    fake_consul.set_check("w-1", "alive", "passing")
    async with asyncio.timeout(60):
        await kept.ready()
    first = await kept.acquire("t/.lock", b"me", 0)
    other = await fake_consul.session_create({"TTL": "10s"})
    assert first is not None and not await lock(fake_consul, "t/.lock", b"them", other)
    await kept.release("t/.lock", b"bye", first.index - 1)
    assert not await lock(fake_consul, "t/.lock", b"them", other), "a release of another acquisition does nothing"
    await kept.release("t/.lock", b"bye", first.index)
    assert await lock(fake_consul, "t/.lock", b"them", other), "a release leaves no delay"
    assert await kept.acquire("t/.lock", b"me", await at(fake_consul)) is None
    await unlock(fake_consul, "t/.lock", b"", other)
    assert await kept.acquire("t/.lock", b"me", first.index) is None, "it has changed since it was seen"
    again = await kept.acquire("t/.lock", b"me", await at(fake_consul))
    assert again is not None and again > first


async def test_a_session_that_outlives_a_restore_has_tokens_of_the_new_epoch(
    kept: Session, fake_consul: FakeConsul
) -> None:
    await fake_consul.register(RECORD)
    fake_consul.set_check("w-1", "alive", "passing")
    async with asyncio.timeout(60):
        await kept.ready()
    before = await kept.acquire("t/a/.lock", b"me", 0)
    session = kept.id
    await fake_consul.kv_put(module.EPOCH, b"3")
    after = await kept.acquire_all([LockWrite(f"t/{name}/.lock", b"me", 0) for name in "bc"])
    assert before and (before.epoch, kept.id) == (0, session)
    assert [each.epoch for each in after if each] == [3, 3]


async def test_a_token_that_may_not_read_the_epoch_takes_nothing_that_anybody_believes_in(
    kept: Session, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fake_consul.register(RECORD)
    fake_consul.set_check("w-1", "alive", "passing")
    async with asyncio.timeout(60):
        await kept.ready()
    txn = fake_consul.kv_txn

    async def filtered(operations: Sequence[Mapping[str, Any]]) -> Any:
        return [each for each in await txn(operations) or () if each.key != module.EPOCH]

    monkeypatch.setattr(fake_consul, "kv_txn", filtered)
    with pytest.raises(Unavailable, match="may not read hoploom/epoch"):
        await kept.acquire("t/.lock", b"me", 0)


async def test_many_locks_are_taken_and_given_back_together_and_one_that_is_anothers_keeps_none_of_them(
    kept: Session, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 4)
    await fake_consul.register(RECORD)
    fake_consul.set_check("w-1", "alive", "passing")
    async with asyncio.timeout(60):
        await kept.ready()
    sent, txn = list[int](), fake_consul.kv_txn

    async def counted(operations: Sequence[Mapping[str, Any]]) -> Any:
        sent.append(len(operations))
        return await txn(operations)

    monkeypatch.setattr(fake_consul, "kv_txn", counted)
    wanted = [LockWrite(f"t/{number}/.lock", b"me", 0) for number in range(6)]
    tokens = await kept.acquire_all(wanted)
    assert None not in tokens and sent == [9, 5]
    held = [LockWrite(each.lock, b"bye", token.index) for each, token in zip(wanted, tokens, strict=True) if token]
    # One of the first four has been touched since, so it is given back by nobody.
    await kept.release_all([held[0]._replace(over=held[0].over - 1), *held[1:]])
    assert await sessions(fake_consul) == [kept.id, *[""] * 5]
    seen = [LockWrite(each.key, b"me", each.modify_index) for each in await fake_consul.kv_list("t/")]
    again = await kept.acquire_all(seen)
    assert [token is not None for token in again] == [True] * 6, "its own is given again"
    other = await fake_consul.session_create({"TTL": "10s"})
    await kept.release(seen[2].lock, b"bye", again[2].index if again[2] else 0)
    assert await lock(fake_consul, seen[2].lock, b"them", other)
    seen = [LockWrite(each.key, b"me", each.modify_index) for each in await fake_consul.kv_list("t/")]
    third = await kept.acquire_all(seen)
    assert [token is not None for token in third] == [True, True, False, True, True, True]


async def sessions(consul: FakeConsul) -> list[str]:
    """Who holds each lock."""
    return [each.session for each in await consul.kv_list("t/")]


async def at(consul: FakeConsul) -> int:
    entry = await consul.kv_get("t/.lock")
    return entry.modify_index if entry else 0


async def test_consul_away_ends_no_session(kept: Session, fake_consul: FakeConsul) -> None:
    await fake_consul.register(RECORD)
    fake_consul.set_check("w-1", "alive", "passing")
    async with asyncio.timeout(60):
        await kept.ready()
    first = kept.id
    fake_consul.away = True
    await asyncio.sleep(0.1)
    assert kept.id == first and kept.valid
