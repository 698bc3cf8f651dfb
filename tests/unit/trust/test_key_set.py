"""The keys as an instance knows them: followed, kept while Consul is away, and asked for once when one is unknown."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Unauthorized, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.trust import key_set
from hoploom.trust.credential import Credential, issue
from hoploom.trust.key_record import KEYS
from hoploom.trust.key_set import KeySet
from hoploom.trust.keys import Signer
from unit.trust.issuing import MANAGER, NOW_S, OTHER_KID, RECORD, credential, publish
from waiting import eventually

GOOD = issue(MANAGER, credential())


class Counting(FakeConsul):
    """Counts reads of keys."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def kv_list(self, prefix: str) -> list[KvEntry]:
        self.reads += prefix == KEYS
        await asyncio.sleep(0)
        return await super().kv_list(prefix)


@pytest.fixture
def consul() -> Counting:
    return Counting()


@pytest.fixture
async def keys(consul: Counting, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KeySet]:
    monkeypatch.setattr(key_set, "LOOK_EVERY_S", 0.0)
    yield KeySet(consul, lambda: NOW_S * 10**6)


async def test_a_key_that_was_just_published_is_found_by_one_read_for_all(consul: Counting, keys: KeySet) -> None:
    await publish(consul)
    found = await asyncio.gather(*(keys.read(GOOD) for _ in range(50)))
    assert set(found) == {credential()} and consul.reads == 1


async def test_made_up_keys_cost_one_read_for_all_who_ask_together(consul: Counting, keys: KeySet) -> None:
    forged = [issue(Signer.new(), credential(kid=f"{number:016x}")) for number in range(50)]
    found = await asyncio.gather(*map(keys.read, forged), return_exceptions=True)
    assert all(isinstance(each, Unauthorized) for each in found) and consul.reads == 1


async def test_reads_for_unknown_keys_are_a_second_apart(
    consul: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, naps = [100.0], list[float]()

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        now[0] += max(0.0, seconds)

    monkeypatch.setattr(key_set, "boottime_s", lambda: now[0])
    keys = KeySet(consul, lambda: NOW_S * 10**6)
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "sleep", nap)
        for _ in range(3):
            now[0] += 0.25
            with pytest.raises(Unauthorized):
                await keys.read(GOOD)
    assert [round(each, 3) for each in naps if each > 0] == [0.75, 0.75]


async def test_while_consul_is_away_an_unknown_key_is_nobodys_fault(consul: Counting, keys: KeySet) -> None:
    consul.away = True
    found = await asyncio.gather(*(keys.read(GOOD) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in found)


async def test_a_known_key_is_good_while_consul_is_away(consul: Counting, keys: KeySet) -> None:
    await publish(consul)
    await keys.read(GOOD)
    consul.away = True
    assert await keys.read(issue(MANAGER, credential("pi-2"))) == credential("pi-2")


async def test_keys_that_come_and_go_are_followed(consul: Counting, keys: KeySet) -> None:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keys.run())
        await publish(consul, RECORD, replace(RECORD, kid=OTHER_KID))
        await eventually("both keys are known", lambda: len(keys.records) == 2)
        assert await keys.read(GOOD) == credential()
        await consul.kv_delete(RECORD.stored_at)
        await eventually("the key is gone", lambda: len(keys.records) == 1)
        with pytest.raises(Unauthorized, match="not known here"):
            await keys.read(GOOD)
        task.cancel()


async def test_a_managers_key_is_found_by_its_id(consul: Counting, keys: KeySet) -> None:
    await publish(consul)
    assert await keys.public(RECORD.kid) == MANAGER.public
    for made_up in (OTHER_KID, "", "../x"):
        with pytest.raises(Unauthorized, match="no manager has"):
            await keys.public(made_up)
    consul.away = True
    assert await keys.public(RECORD.kid) == MANAGER.public
    with pytest.raises(Unavailable):
        await keys.public(OTHER_KID)


async def test_what_was_verified_expires_all_the_same(consul: Counting) -> None:
    await publish(consul)
    now_us = [NOW_S * 10**6]
    keys = KeySet(consul, lambda: now_us[0])
    assert isinstance(await keys.read(GOOD), Credential)
    now_us[0] = (credential().expires_s + 61) * 10**6
    with pytest.raises(Unauthorized, match="expired"):
        await keys.read(GOOD)


async def test_what_is_remembered_is_bounded(
    consul: Counting, keys: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_set, "MOST_VERIFIED", 3)
    await publish(consul)
    for number in range(10):
        await keys.read(issue(MANAGER, credential(f"pi-{number}")))
    assert len(keys._verified) == 3
