"""Whoever was removed is heard no more, until it joins again."""

from dataclasses import replace

import pytest

from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Forbidden
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.ads_enrolled import Enrolled
from hoploom.manager.enrolment.records import WorkerRecord, packed, worker_key
from hoploom.trust.keys import Signer
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
def enrolled(gone: list[str]) -> Enrolled:
    return Enrolled(gone.append)


def is_heard(enrolled: Enrolled, key: str, name: str = "pi-1") -> bool:
    try:
        enrolled.require(credential(name, key=key))
    except Forbidden:
        return False
    return True


async def test_a_removed_worker_is_forgotten_and_not_heard_until_it_joins_again(
    enrolled: Enrolled, gone: list[str]
) -> None:
    enrolled.learn(await entries(RECORD))
    assert is_heard(enrolled, OLD)
    enrolled.learn([])
    assert (gone, is_heard(enrolled, OLD)) == (["pi-1"], False)
    enrolled.learn(await entries(RECORD))
    assert is_heard(enrolled, OLD)


async def test_a_name_that_was_given_to_another_machine_is_not_heard_from_the_first(
    enrolled: Enrolled, gone: list[str]
) -> None:
    enrolled.learn(await entries(RECORD))
    enrolled.learn(await entries(replace(RECORD, key=NEW)))
    assert (gone, is_heard(enrolled, OLD), is_heard(enrolled, NEW)) == (["pi-1"], False, True)


async def test_a_worker_of_another_datacenter_is_heard(enrolled: Enrolled) -> None:
    enrolled.learn(await entries(RECORD))
    assert is_heard(enrolled, NEW, "pi-elsewhere")


async def test_a_damaged_record_shuts_nobody_out(enrolled: Enrolled, gone: list[str]) -> None:
    [good] = await entries(RECORD)
    enrolled.learn([replace(good, value=b"{")])
    assert is_heard(enrolled, OLD)
    enrolled.learn([good])
    assert gone == []
