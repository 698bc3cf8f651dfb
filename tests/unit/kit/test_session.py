"""What a process may believe about its session, and how it keeps one."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hoploom.kit import session as module
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.session import BEAT_EVERY_S, LAG_LIMIT_S, MARGIN_S, TTL_S, Belief, Session, Token
from waiting import eventually

BEATING = Belief().made("s1", 100.0).beat(100.0)
RECORD = {"ID": "w-1", "Name": "w", "Port": 1, "Address": "", "Checks": [{"CheckID": "w-1:alive", "Name": "alive"}]}


def test_tokens_are_ordered_by_epoch_first_and_travel_as_text() -> None:
    assert Token(0, 99) < Token(1, 2) < Token(1, 3) and str(Token(1, 3)) == "1.3"


def test_belief_ends_a_margin_before_the_ttl_counted_from_the_start_of_the_renewal() -> None:
    assert BEATING.deadline_s == 100.0 + TTL_S - MARGIN_S
    late = BEATING.beat(107.9)
    assert late.beat(107.99).valid(107.99) is False, "a beat after 8 s of silence is a stall"
    steady = Belief("s1", renewed_s=100.0, beat_s=107.9)
    assert steady.valid(107.99) and not steady.valid(108.0)


def test_a_renewal_that_began_earlier_does_not_move_the_deadline_back() -> None:
    assert BEATING.renewed(103.0).renewed(101.0).deadline_s == 103.0 + TTL_S - MARGIN_S


def test_nothing_is_believed_while_the_event_loop_hangs() -> None:
    limit_s = BEAT_EVERY_S + LAG_LIMIT_S
    assert BEATING.valid(100.0 + limit_s) and not BEATING.valid(100.01 + limit_s)


def test_after_a_stall_only_a_renewal_that_began_later_counts() -> None:
    awake = BEATING.beat(103.0)
    assert awake.stalled_s == 103.0 and not awake.valid(103.0)
    assert not awake.renewed(102.9).valid(103.1)
    assert awake.renewed(103.05).valid(103.1)


def test_without_a_session_nothing_is_believed() -> None:
    assert not Belief().beat(1.0).valid(1.0) and not BEATING.ended().valid(100.0)


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
    async with asyncio.timeout(5):
        await kept.ready()
    first = kept.id
    assert await kept.acquire("t/.lock", b"me") is not None
    fake_consul.end_session(first)
    await eventually("another session", lambda: kept.id not in ("", first))
    assert lost == ["lost"]


async def test_a_lock_is_one_session_s_and_its_token_grows(kept: Session, fake_consul: FakeConsul) -> None:
    await fake_consul.register(RECORD)
    fake_consul.set_check("w-1", "alive", "passing")
    async with asyncio.timeout(5):
        await kept.ready()
    first = await kept.acquire("t/.lock", b"me")
    other = await fake_consul.session_create({"TTL": "10s"})
    assert first is not None and not await fake_consul.kv_acquire("t/.lock", b"them", other)
    await kept.release("t/.lock", b"bye")
    assert await fake_consul.kv_acquire("t/.lock", b"them", other), "a release leaves no delay"
    assert await kept.acquire("t/.lock", b"me") is None
    await fake_consul.kv_release("t/.lock", b"", other)
    again = await kept.acquire("t/.lock", b"me")
    assert again is not None and again > first


async def test_consul_away_ends_no_session(kept: Session, fake_consul: FakeConsul) -> None:
    await fake_consul.register(RECORD)
    fake_consul.set_check("w-1", "alive", "passing")
    async with asyncio.timeout(5):
        await kept.ready()
    first = kept.id
    fake_consul.away = True
    await asyncio.sleep(0.1)
    assert kept.id == first and kept.valid
