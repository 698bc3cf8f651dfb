"""The list of signing keys: what has expired goes, what is needed stays, and other datacenters' keys come."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import KvEntry
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.term import Term
from hoploom.manager import key_keeping as module
from hoploom.manager.key_keeping import MOST_A_WRITE, KeyKeeping, expired, taken
from hoploom.trust.key_record import KEYS, KeyRecord, packed
from unit.trust.issuing import RECORD, publish
from waiting import eventually

FAR_US = wall_us() + 10**15


def record(number: int, dc: str = "dc1", until_us: int = FAR_US) -> KeyRecord:
    return replace(RECORD, kid=f"{number:016x}", dc=dc, until_us=until_us)


def entry(each: KeyRecord) -> KvEntry:
    return KvEntry(each.stored_at, packed(each), 1)


def test_what_has_expired_goes_and_what_is_damaged_stays_for_people() -> None:
    entries = [entry(record(1, until_us=99)), entry(record(2, until_us=100)), KvEntry(f"{KEYS}x", b"damaged", 1)]
    assert expired(entries, 100) == [record(1).stored_at]


@pytest.mark.parametrize(
    ("why", "theirs", "ours", "expected"),
    [
        ("a new one of theirs", [record(1, "dc2")], [], [1]),
        ("one that stands here", [record(1, "dc2")], [record(1, "dc2")], []),
        ("one that ends sooner now", [record(1, "dc2", FAR_US - 1)], [record(1, "dc2")], [1]),
        ("one that they pulled from us", [record(1, "dc1")], [], []),
        ("one that they pulled from a third", [record(1, "dc3")], [], []),
        ("one that has expired", [record(1, "dc2", 0)], [], []),
    ],
)
def test_a_datacenters_own_good_keys_are_taken(
    why: str, theirs: list[KeyRecord], ours: list[KeyRecord], expected: list[int]
) -> None:
    found = taken("dc2", map(entry, theirs), map(entry, ours), wall_us())
    assert [int(each.kid, 16) for each in found] == expected, why


class Writing(Term):
    """A term that lasts; its writes are carried out."""

    def __init__(self, consul: FakeConsul) -> None:
        self._consul = consul
        self.writes = 0

    async def write(self, operations: object) -> tuple[KvEntry, ...]:
        self.writes += 1
        assert isinstance(operations, list) and len(operations) <= MOST_A_WRITE
        return await self._consul.kv_txn(operations) or ()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(module, "PACE_S", 0.0)
    yield


@asynccontextmanager
async def keeping(consul: FakeConsul, dc: str) -> AsyncIterator[Writing]:
    term = Writing(consul)
    task = asyncio.get_running_loop().create_task(KeyKeeping(consul, dc).run(term))
    try:
        yield term
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_many_that_have_expired_go_in_writes_that_consul_takes() -> None:
    consul = FakeConsul()
    await publish(consul, *(record(number, until_us=1) for number in range(150)), record(200))
    async with keeping(consul, "dc1") as term:

        async def is_clean() -> bool:
            return len(await consul.kv_list(KEYS)) == 1

        await eventually("one is left", is_clean)
    assert term.writes == 3


async def test_another_datacenters_keys_come_stay_through_a_cut_and_are_never_written_back() -> None:
    one, two = FakeConsul("dc1"), FakeConsul("dc2")
    one.wan, two.wan = {"dc2": two}, {"dc1": one}
    await publish(one, record(1, "dc1"))

    async def has(consul: FakeConsul, *numbers: int) -> bool:
        return {each.key for each in await consul.kv_list(KEYS)} == {record(each).stored_at for each in numbers}

    async with keeping(two, "dc2"):
        await eventually("the key has come", lambda: has(two, 1))
        two.away_datacenters = {"dc1"}
        await publish(one, record(2, "dc1"))
        assert await has(two, 1)
        two.away_datacenters = set()
        await eventually("the second has come", lambda: has(two, 1, 2))
        await publish(two, record(3, "dc2"))
    assert await has(one, 1, 2)
