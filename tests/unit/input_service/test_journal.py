"""Shard records in the KV store: durable before answered, fenced, read again after any doubt."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from hoploom.input_service import journal as module
from hoploom.input_service import keys
from hoploom.input_service.coolings import Coolings
from hoploom.input_service.journal import Journal
from hoploom.input_service.leases import GRACE_S, Ages
from hoploom.input_service.shard_record import ShardRecord, ShardRef
from hoploom.input_service.work import Wanted
from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Conflict, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from locks import lock
from unit.input_service.instances import Instance, campaign_request, lease_request

REF = ShardRef(campaign="demo", edition=1, group="all", round=0, family=4, shard=0)
EMPTY = ShardRecord.empty(REF, 0, 100)
LOCK = keys.lock(7)


class Fence:
    """A fence over one lock that this test holds, or believes that it holds."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.gone: list[int] = []

    def check(self, slot: int) -> Mapping[str, Any] | None:
        return {"Verb": "check-session", "Key": LOCK, "Session": self.session} if slot == 7 else None

    def lost(self, slot: int) -> None:
        self.gone.append(slot)


class CountingConsul(FakeConsul):
    """Counts transactions; makes one fail after it was carried out."""

    def __init__(self) -> None:
        super().__init__()
        self.transactions = 0
        self.lose_next = False

    async def kv_txn(self, operations: Any) -> tuple[KvEntry, ...] | None:
        self.transactions += 1
        done = await super().kv_txn(operations)
        await asyncio.sleep(0)
        if self.lose_next:
            self.lose_next = False
            raise Unavailable("the answer was lost")
        return done


@pytest.fixture
async def consul() -> CountingConsul:
    return CountingConsul()


@pytest.fixture
async def fence(consul: CountingConsul) -> Fence:
    session = await consul.session_create({"TTL": "10s"})
    assert await lock(consul, LOCK, b"{}", session)
    consul.transactions = 0
    return Fence(session)


@pytest.fixture
async def journal(consul: CountingConsul, fence: Fence) -> AsyncIterator[Journal]:
    journal = Journal(consul, fence, Coolings(consul))
    task = asyncio.get_running_loop().create_task(journal.run())
    yield journal
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def count_one(record: ShardRecord, _: Ages) -> tuple[ShardRecord, int]:
    after = replace(record, reissued=record.reissued + 1)
    return after, after.reissued


def look(record: ShardRecord, ages: Ages) -> tuple[ShardRecord, Ages]:
    return record, ages


async def test_changes_that_wait_together_are_one_transaction(journal: Journal, consul: CountingConsul) -> None:
    await journal.change(7, EMPTY, count_one)
    before = consul.transactions
    found = await asyncio.gather(*(journal.change(7, EMPTY, count_one) for _ in range(50)))
    assert sorted(found) == list(range(2, 52)) and consul.transactions - before <= 2


class WatchfulConsul(FakeConsul):
    """Sees which groups of records are being written at the same time; groups are named after their slot."""

    def __init__(self) -> None:
        super().__init__()
        self.writing: list[str] = []
        self.together: list[tuple[str, ...]] = []

    async def kv_txn(self, operations: Any) -> tuple[KvEntry, ...] | None:
        mine = sorted({each["Key"].split("/")[4] for each in operations if each["Verb"] == "cas"})
        self.writing += mine
        self.together.append(tuple(self.writing))
        for _ in range(3):
            await asyncio.sleep(0)
        for each in mine:
            self.writing.remove(each)
        return await super().kv_txn(operations)


class Everything(Fence):
    """A fence that holds all slots."""

    def check(self, _: int) -> Mapping[str, Any] | None:
        return super().check(7)


async def test_slots_are_written_at_the_same_time_and_records_of_one_slot_one_after_another() -> None:
    consul = WatchfulConsul()
    session = await consul.session_create({"TTL": "10s"})
    assert await lock(consul, LOCK, b"{}", session)
    consul.together.clear()
    journal = Journal(consul, Everything(session), Coolings(consul))
    task = asyncio.get_running_loop().create_task(journal.run())
    waiting = [
        journal.change(slot, ShardRecord.empty(replace(REF, group=f"slot-{slot}", shard=shard), 0, 9), count_one)
        for slot in (1, 2)
        for shard in range(90)
    ]
    assert await asyncio.gather(*waiting) == [1] * 180
    task.cancel()
    assert len(consul.together) == 6
    assert all(len(set(each)) == len(each) for each in consul.together)
    assert ("slot-1", "slot-2") in consul.together


async def test_what_changes_nothing_is_not_written_but_the_lock_is_asked_for(
    journal: Journal, consul: CountingConsul
) -> None:
    await journal.change(7, EMPTY, look)
    assert consul.transactions == 1
    assert await consul.kv_list(keys.GROUPS) == []


async def test_another_s_slot_is_refused(journal: Journal) -> None:
    with pytest.raises(Unavailable, match="another instance"):
        await journal.change(8, EMPTY, count_one)


async def test_a_lost_lock_refuses_the_write_and_says_so(
    journal: Journal, consul: CountingConsul, fence: Fence
) -> None:
    await journal.change(7, EMPTY, count_one)
    consul.end_session(fence.session)
    with pytest.raises(Unavailable, match="another instance"):
        await journal.change(7, EMPTY, count_one)
    assert fence.gone == [7]
    entry = await consul.kv_get(keys.shard(REF))
    assert entry is not None and ShardRecord.from_bytes(entry.value).reissued == 1


async def test_after_a_lost_answer_the_record_is_read_again(journal: Journal, consul: CountingConsul) -> None:
    consul.lose_next = True
    with pytest.raises(Unavailable, match="not stored"):
        await journal.change(7, EMPTY, count_one)
    # The write had been carried out all the same.
    assert await journal.change(7, EMPTY, count_one) == 2


async def test_a_refusal_of_one_step_spoils_no_other(journal: Journal) -> None:
    def refuse(record: ShardRecord, _: Ages) -> tuple[ShardRecord, None]:
        raise Conflict("no")

    found = await asyncio.gather(
        journal.change(7, EMPTY, count_one),
        journal.change(7, EMPTY, refuse),
        journal.change(7, EMPTY, count_one),
        return_exceptions=True,
    )
    assert found[0] == 1 and isinstance(found[1], Conflict) and found[2] == 2


async def test_records_beyond_one_transaction_are_written_in_several(
    journal: Journal, consul: CountingConsul
) -> None:
    many = [ShardRecord.empty(replace(REF, group=f"g{number}"), 0, 100) for number in range(150)]
    assert await asyncio.gather(*(journal.change(7, each, count_one) for each in many)) == [1] * 150
    assert consul.transactions >= 3


async def test_a_closed_slot_is_forgotten(journal: Journal) -> None:
    await journal.change(7, EMPTY, count_one)
    assert journal.peek(REF) is not None
    await journal.close_slot(7)
    assert journal.peek(REF) is None


async def test_consul_away_is_an_error_and_never_an_empty_record(journal: Journal, consul: CountingConsul) -> None:
    consul.away = True
    with pytest.raises(Unavailable):
        await journal.change(7, EMPTY, count_one)
    with pytest.raises(Unavailable):
        await journal.stored(keys.GROUPS)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"v":1}', b"\xff"])
async def test_a_damaged_record_is_never_taken_for_an_empty_one(
    journal: Journal, consul: CountingConsul, content: bytes
) -> None:
    await consul.kv_put(keys.shard(REF), content)
    with pytest.raises(Unavailable, match=r"4-0 in Consul is damaged .*; delete that key"):
        await journal.change(7, EMPTY, count_one)
    with pytest.raises(Unavailable, match="damaged"):
        await journal.stored(keys.GROUPS)
    await consul.kv_delete(keys.shard(REF))
    assert await journal.change(7, EMPTY, count_one) == 1


async def test_ages_count_from_when_the_owner_first_saw_a_lease_and_anew_when_it_is_heard(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [1000.0]
    monkeypatch.setattr(module, "boottime_s", lambda: now_s[0])
    await instance.campaigns.create(campaign_request(blocks=["127.0.0.0/24"]))
    lost = await instance.desk.lease(Wanted(request=lease_request("dead")))
    assert lost is not None
    now_s[0] += lost.ttl_s + GRACE_S
    assert await instance.desk.lease(Wanted(request=lease_request("alive"))) is None
    record = instance.journal.opened()[0]
    instance.journal.heard(record.ref, record.held[0].nonce)
    now_s[0] += lost.ttl_s + GRACE_S
    assert await instance.desk.lease(Wanted(request=lease_request("alive"))) is None
    now_s[0] += 1
    again = await instance.desk.lease(Wanted(request=lease_request("alive")))
    assert again is not None and (again.start, again.stop) == (lost.start, lost.stop) and again.id != lost.id


async def test_all_stored_records_are_read_in_a_thread(
    journal: Journal, consul: CountingConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def note(key: str, value: bytes) -> ShardRecord:
        seen.append(threading.get_ident())
        return ShardRecord.from_bytes(value)

    await consul.kv_put(keys.shard(REF), EMPTY.to_bytes())
    monkeypatch.setattr(module, "_read", note)
    assert await journal.stored(keys.GROUPS) == [EMPTY]
    assert seen and seen[0] != threading.get_ident()
