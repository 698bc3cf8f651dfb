"""Between memory, disk and output: what is kept where, whichever of the two takes it first."""

import asyncio
import time
from pathlib import Path

import pytest

from hoploom.kit import metrics
from hoploom.kit.errors import OutOfSpace
from hoploom.ping_service.line import Waiting
from hoploom.ping_service.outbox import FRESH_S, Outbox, Receipt
from hoploom.ping_service.spool import Spool
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, digest, pack, unpack
from unit.ping_service.stations import FakeMesh, on_virtual_time, outbox, station
from unit.wire.batches import make

REFUSED = "row 3 is wrong (422)"


def full(*_: object) -> None:
    raise OutOfSpace("the spool cannot be written to: No space left on device")


async def opened(folder: Path) -> Outbox:
    found = outbox(station(FakeMesh()), folder)
    await found.open(0.0)
    return found


def taken(box: Outbox) -> Waiting:
    found = box.line.take(asyncio.get_running_loop().time())
    assert found
    return found


def files(folder: Path) -> list[str]:
    return sorted(each.name[13:21] for each in folder.glob("*.segment"))


def sizes(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.glob("*.segment"))


@on_virtual_time
async def test_what_is_sealed_may_be_sent_before_it_is_written_and_is_the_same_afterwards(tmp_path: Path) -> None:
    box, batch = await opened(tmp_path), make()
    await box.seal(batch, counts=True)
    waiting = taken(box)
    before = await box.body(waiting)
    assert files(tmp_path) == [] and before == pack(batch)
    await box.write()
    assert files(tmp_path) == [batch.batch[:8]] and await box.body(waiting) == before
    assert box.receipt(waiting.name) == Receipt(batch.lease, batch.start, batch.stop)
    assert box.receipt(waiting.name) is None


@on_virtual_time
async def test_what_does_not_count_is_told_as_an_empty_range(tmp_path: Path) -> None:
    box, batch = await opened(tmp_path), make(3)
    await box.seal(batch, counts=False)
    assert box.receipt(taken(box).name) == Receipt(batch.lease, batch.start, batch.start)


@pytest.mark.parametrize("is_this_boot", [True, False])
@on_virtual_time
async def test_a_batch_that_is_sent_late_says_when_unless_the_machine_was_started_anew(
    is_this_boot: bool, tmp_path: Path
) -> None:
    box, batch = await opened(tmp_path), make(boot_id="b" * 8 if is_this_boot else "another")
    await box.seal(batch, counts=True)
    await box.write()
    await asyncio.sleep(FRESH_S)
    before_us = time.monotonic_ns() // 1000
    sent = unpack(await box.body(taken(box)), MEDIA_TYPE_ZSTD)
    assert digest(sent) == digest(batch)
    assert (sent.sent_monotonic_us >= before_us) if is_this_boot else sent == batch


@on_virtual_time
async def test_what_the_output_has_first_is_never_written(tmp_path: Path) -> None:
    box = await opened(tmp_path)
    await box.seal(make(0), counts=True)
    await box.seal(make(1), counts=True)
    first = taken(box)
    box.line.answered(first.name)
    await box.stored(first.name)
    await box.write()
    assert files(tmp_path) == [make(1).batch[:8]]


async def test_what_the_output_has_while_it_is_written_is_removed_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, write = await opened(tmp_path), Spool.write
    await box.seal(make(), counts=True)
    waiting, began, loop = taken(box), asyncio.Event(), asyncio.get_running_loop()

    def slowly(spool: Spool, bodies: dict[object, bytes]) -> None:
        loop.call_soon_threadsafe(began.set)
        write(spool, bodies)  # type: ignore[arg-type]

    monkeypatch.setattr(Spool, "write", slowly)
    async with asyncio.TaskGroup() as group:
        group.create_task(box.write())
        await began.wait()
        group.create_task(box.stored(waiting.name))
    assert files(tmp_path) == []
    await box.close()


@on_virtual_time
async def test_what_is_refused_before_it_is_written_comes_into_quarantine_when_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await opened(tmp_path)
    await box.seal(make(), counts=True)
    waiting = taken(box)
    with monkeypatch.context() as disk:
        disk.setattr(Spool, "write", full)
        with pytest.raises(OutOfSpace):
            await box.write()
        box.line.answered(waiting.name)
        await box.set_aside(waiting.name, "refused", REFUSED)
    await box.write()
    assert files(tmp_path) == [] and files(tmp_path / "quarantine") == [make().batch[:8]]


@on_virtual_time
async def test_what_cannot_be_set_aside_is_not_sent_again_and_set_aside_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await opened(tmp_path)
    await box.seal(make(), counts=True)
    await box.write()
    waiting = taken(box)
    box.line.answered(waiting.name)
    with monkeypatch.context() as disk:
        disk.setattr(Spool, "set_aside", full)
        await box.set_aside(waiting.name, "refused", REFUSED)
    assert files(tmp_path) == [make().batch[:8]] and len(box.line) == 0
    await box.write()
    assert files(tmp_path) == [] and files(tmp_path / "quarantine") == [make().batch[:8]]


@on_virtual_time
async def test_what_is_in_memory_alone_at_the_end_is_written_then_and_a_full_disk_does_not_stop_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await opened(tmp_path)
    await box.seal(make(), counts=True)
    await box.close()
    assert files(tmp_path) == [make().batch[:8]]
    box = await opened(tmp_path)
    await box.seal(make(1), counts=True)
    monkeypatch.setattr(Spool, "write", full)
    await box.close()
    await (await opened(tmp_path)).close()


@on_virtual_time
async def test_what_earlier_runs_left_is_sent_in_their_order_before_what_is_sealed_now(tmp_path: Path) -> None:
    for numbers in ((7, 3), (5,)):
        box = await opened(tmp_path)
        for number in numbers:
            await box.seal(make(number), counts=True)
        await box.close()
    box = await opened(tmp_path)
    await box.seal(make(1), counts=True)
    order = [taken(box) for _ in range(4)]
    assert [each.name.batch for each in order] == [make(number).batch for number in (7, 3, 5, 1)]
    bodies = [unpack(await box.body(each), MEDIA_TYPE_ZSTD) for each in order]
    assert [each.batch for each in bodies] == [each.name.batch for each in order]


@on_virtual_time
async def test_depth_and_age_are_shown(tmp_path: Path) -> None:
    def shown() -> list[float | None]:
        names = ("segments", "bytes", "oldest_age_seconds")
        return [metrics.registry.get_sample_value(f"hoploom_ping_spool_{name}") for name in names]

    box = await opened(tmp_path)
    assert shown() == [0.0, 0.0, 0.0]
    assert metrics.registry.get_sample_value("hoploom_ping_spool_limit_bytes") == box.spool.max_bytes
    await box.seal(make(0), counts=True)
    await box.write()
    await asyncio.sleep(30)
    await box.seal(make(1), counts=True)
    await box.write()
    assert shown() == [2.0, sizes(tmp_path), 30.0]
    first = taken(box)
    box.line.answered(first.name)
    await box.stored(first.name)
    assert shown() == [1.0, sizes(tmp_path), 0.0]
