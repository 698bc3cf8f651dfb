"""Whoever was removed is let in no more, until it joins again."""

from dataclasses import replace

import pytest

from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Forbidden
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.enrolment.records import WorkerRecord, packed, worker_key
from hoploom.trust.keys import Signer
from hoploom.trust.roll import Roll
from unit.trust.issuing import credential

OLD, NEW = Signer.new().public, Signer.new().public
RECORD = WorkerRecord(name="pi-1", number=7, key=OLD, invited_us=1, enrolled_us=2)


async def entries(*records: WorkerRecord) -> list[KvEntry]:
    store = FakeConsul()
    for each in records:
        await store.kv_put(worker_key(each.name), packed(each))
    return await store.kv_list("hoploom/workers/")


@pytest.fixture
def gone() -> list[str]:
    return []


@pytest.fixture
def roll(gone: list[str]) -> Roll:
    found = Roll()
    found.when_gone(gone.append)
    return found


def is_let_in(roll: Roll, key: str, name: str = "pi-1") -> bool:
    try:
        roll.require(credential(name, key=key))
    except Forbidden:
        return False
    return True


async def test_a_removed_worker_is_forgotten_and_not_let_in_until_it_joins_again(
    roll: Roll, gone: list[str]
) -> None:
    roll.learn(await entries(RECORD))
    assert is_let_in(roll, OLD)
    roll.learn([])
    assert (gone, is_let_in(roll, OLD)) == (["pi-1"], False)
    roll.learn(await entries(RECORD))
    assert is_let_in(roll, OLD)


async def test_a_name_that_was_given_to_another_machine_is_not_taken_from_the_first(
    roll: Roll, gone: list[str]
) -> None:
    roll.learn(await entries(RECORD))
    roll.learn(await entries(replace(RECORD, key=NEW)))
    assert (gone, is_let_in(roll, OLD), is_let_in(roll, NEW)) == (["pi-1"], False, True)


async def test_a_worker_of_another_datacenter_is_let_in(roll: Roll) -> None:
    roll.learn(await entries(RECORD))
    assert is_let_in(roll, NEW, "pi-elsewhere")


async def test_a_damaged_record_shuts_nobody_out(roll: Roll, gone: list[str]) -> None:
    [good] = await entries(RECORD)
    roll.learn([replace(good, value=b"{")])
    assert is_let_in(roll, OLD)
    roll.learn([good])
    assert gone == []
