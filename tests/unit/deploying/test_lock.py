"""One deploy of a service at a time, and what one that died has left."""

from dataclasses import replace

import pytest

from hoploom.deploying.lock import FOLDER, Lock
from hoploom.deploying.record import Record, signed
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fake_consul import FakeConsul

RECORD = Record("1.4.1", ("1.4.0",), "orders", 3, "canary", ("dc1",), "at 10% in dc1", dc="dc1")


async def test_a_second_deploy_is_refused_with_who_and_since_when(fake_consul: FakeConsul) -> None:
    first = replace(signed(RECORD), who="anna@deb01", since="2026-11-22 05:00:00 UTC")
    assert await Lock(fake_consul, "orders").take(first) is None
    with pytest.raises(ConfigError, match=r"anna@deb01 has been deploying 1\.4\.1 since 2026-11-22 05:00:00 UTC"):
        await Lock(fake_consul, "orders").take(signed(Record("1.4.2")))


async def test_services_do_not_wait_for_each_other(fake_consul: FakeConsul) -> None:
    assert await Lock(fake_consul, "orders").take(RECORD) is None
    assert await Lock(fake_consul, "stock").take(RECORD) is None


async def test_what_came_to_its_end_leaves_nothing(fake_consul: FakeConsul) -> None:
    lock = Lock(fake_consul, "orders")
    await lock.take(RECORD)
    await lock.forget()
    await lock.leave()
    assert await fake_consul.kv_list(FOLDER) == []
    assert await Lock(fake_consul, "orders").take(RECORD) is None


async def test_what_broke_off_is_found(fake_consul: FakeConsul) -> None:
    lock = Lock(fake_consul, "orders")
    await lock.take(replace(RECORD, where="before"))
    await lock.note(RECORD)
    await lock.leave()
    assert await Lock(fake_consul, "orders").seen() == RECORD
    assert await Lock(fake_consul, "orders").take(Record("1.4.2")) == RECORD


async def test_a_process_of_this_machine_that_has_ended_does_not_make_others_wait(fake_consul: FakeConsul) -> None:
    mine = signed(RECORD)
    host, pid, _ = mine.process.split()
    await Lock(fake_consul, "orders").take(replace(mine, process=f"{host} {pid} 1"))
    assert await Lock(fake_consul, "orders").take(Record("1.4.2")) == replace(mine, process=f"{host} {pid} 1")


@pytest.mark.parametrize("process", ["", "elsewhere 1 1"])
async def test_whether_others_processes_live_is_not_known(fake_consul: FakeConsul, process: str) -> None:
    await Lock(fake_consul, "orders").take(replace(RECORD, process=process))
    with pytest.raises(ConfigError, match="being deployed already"):
        await Lock(fake_consul, "orders").take(RECORD)


async def test_a_lock_that_consul_lock_holds_is_respected(fake_consul: FakeConsul) -> None:
    session = await fake_consul.session_create({"TTL": "10s"})
    key = f"{FOLDER}orders/.lock"
    await fake_consul.kv_txn([{"Verb": "lock", "Key": key, "Value": b"", "Flags": 0, "Session": session}])
    with pytest.raises(ConfigError, match="somebody else holds its lock"):
        await Lock(fake_consul, "orders").take(RECORD)


async def test_whoever_has_lost_it_is_told_and_writes_nothing(
    fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoploom.deploying.lock.RENEW_EVERY_S", 0.0)
    lock, lost = Lock(fake_consul, "orders"), list[str]()
    await lock.take(signed(RECORD))
    entry = await fake_consul.kv_get(f"{FOLDER}orders/.lock")
    assert entry is not None
    await fake_consul.session_destroy(entry.session)
    await lock.keep(lost.append)
    assert lost == ["nobody"]
    with pytest.raises(Unavailable, match="not ours any more"):
        await lock.note(RECORD)


@pytest.mark.parametrize("value", [b"", b"{}", b"[1]", b"\xff", b'{"v": 1}'])
def test_what_is_no_record_of_ours_is_none(value: bytes) -> None:
    assert Record.of(value) is None


def test_a_record_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert Record.of(RECORD.as_bytes()[:-1] + b', "more": 1}') == RECORD
