"""Whoever was removed is let in no more, until it joins again."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Forbidden
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.enrolment.records import WorkerRecord, packed, worker_key
from hoploom.trust.credential import CREDENTIAL_TTL_S
from hoploom.trust.keys import Signer
from hoploom.trust.roll import Roll
from unit.trust.issuing import NOW_S, credential

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


@pytest.mark.parametrize(
    ("dc", "given_s_ago", "let_in"), [("dc1", 3600, False), ("dc1", 30, True), ("dc1", -5, True), ("dc2", 3600, True)]
)
async def test_who_was_removed_before_an_instance_began_is_not_let_in_by_it(
    dc: str, given_s_ago: int, *, let_in: bool
) -> None:
    roll = Roll("dc1", lambda: NOW_S * 10**6)
    roll.learn([])
    shown = credential("pi-1", dc=dc, expires_s=NOW_S - given_s_ago + CREDENTIAL_TTL_S)
    with nullcontext() if let_in else pytest.raises(Forbidden, match="was removed from the mesh"):
        roll.require(shown)


async def test_who_joined_and_was_removed_between_two_reads_is_not_let_in_after_the_second() -> None:
    now_s = NOW_S
    roll = Roll("dc1", lambda: now_s * 10**6)
    roll.learn([])
    shown = credential("pi-1", dc="dc1", expires_s=NOW_S + 5 + CREDENTIAL_TTL_S)
    roll.require(shown)
    now_s += 300
    roll.learn([])
    with pytest.raises(Forbidden, match="was removed from the mesh"):
        roll.require(shown)


async def test_nobody_is_shut_out_before_the_roll_was_read() -> None:
    Roll("dc1").require(credential("pi-1"))


async def test_a_worker_of_another_datacenter_is_let_in(roll: Roll) -> None:
    roll.learn(await entries(RECORD))
    assert is_let_in(roll, NEW, "pi-elsewhere")


async def test_a_damaged_record_shuts_nobody_out(roll: Roll, gone: list[str]) -> None:
    [good] = await entries(RECORD)
    roll.learn([replace(good, value=b"{")])
    assert is_let_in(roll, OLD)
    roll.learn([good])
    assert gone == []
