"""What comes into the spool together, and when it says that it takes no more."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hoploom.kit.errors import OutOfSpace, Unavailable
from hoploom.ping_service import spooling
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.probing import Sealed
from hoploom.ping_service.segment import Name
from hoploom.ping_service.spool import Spool
from hoploom.ping_service.spooling import AGAIN_S, MAX_SEALED, Spooling
from hoploom.ping_service.station import Station
from unit.ping_service.stations import FakeMesh, on_virtual_time, outbox, station
from unit.wire.batches import make

FULL = OutOfSpace("the spool cannot be written to: No space left on device")


class Disk:
    """Stands in for the disk's side of a spool: notes how much is written together, and fails on demand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.together: list[int] = []
        self.tried_s: list[float] = []
        self.trouble: Unavailable | None = None
        write, free = Spool.write, Spool.free_bytes
        self.unmeasured = False

        def written(spool: Spool, bodies: Mapping[Name, bytes]) -> None:
            self._try()
            self.together.append(len(bodies))
            write(spool, bodies)

        def measured(spool: Spool) -> int:
            if self.unmeasured:
                raise Unavailable("the spool cannot be measured: Input/output error")
            return free(spool)

        monkeypatch.setattr(Spool, "write", written)
        monkeypatch.setattr(Spool, "try_out", lambda _: self._try())
        monkeypatch.setattr(Spool, "free_bytes", measured)

    def _try(self) -> None:
        if self.trouble:
            self.tried_s.append(asyncio.get_running_loop().time())
            raise self.trouble


async def spooled(
    folder: Path, batches: int, max_bytes: int = 2**30, sync_s: float = 0.0
) -> tuple[Station, Outbox, "asyncio.Task[None]"]:
    """A spooling loop with so many batches before it."""
    found = station(FakeMesh())
    found.settings = replace(found.settings, sync_s=sync_s)
    box, sealed = outbox(found, folder, max_bytes), asyncio.Queue[Sealed]()
    await box.open(0.0)
    for number in range(batches):
        sealed.put_nowait(Sealed(make(number), counts=True))
    return found, box, asyncio.create_task(Spooling(found, box, sealed).run())


@on_virtual_time
async def test_batches_that_wait_together_are_written_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    found, box, task = await spooled(tmp_path, 2 * MAX_SEALED + 1)
    await asyncio.sleep(3)
    task.cancel()
    assert disk.together == [MAX_SEALED, MAX_SEALED, 1]
    assert len(box.line) == 2 * MAX_SEALED + 1 and found.full == ""


@on_virtual_time
async def test_a_disk_that_takes_nothing_is_tried_again_now_and_then_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    disk.trouble = FULL
    found, box, task = await spooled(tmp_path, 1)
    await asyncio.sleep(5 * AGAIN_S)
    assert found.full == str(FULL) and len(box.line) == 1
    assert 4 <= len(disk.tried_s) <= 6
    disk.trouble = None
    await asyncio.sleep(AGAIN_S + 1)
    task.cancel()
    assert found.full == "" and disk.together == [1]


@on_virtual_time
async def test_over_its_limit_it_takes_what_is_in_hand_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    found, box, task = await spooled(tmp_path, 3, max_bytes=100)
    await asyncio.sleep(3)
    assert "the spool is full" in found.full and disk.together == [3]
    for _ in range(3):
        waiting = box.line.take(found.clock())
        assert waiting
        box.line.answered(waiting.name)
    await asyncio.sleep(2)
    task.cancel()
    assert found.full == ""


@on_virtual_time
async def test_a_disk_that_nobody_can_measure_counts_as_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    disk.unmeasured = True
    found, _, task = await spooled(tmp_path, 1)
    await asyncio.sleep(2)
    assert found.full == "the spool cannot be measured: Input/output error"
    disk.unmeasured = False
    await asyncio.sleep(2)
    task.cancel()
    assert found.full == ""


@on_virtual_time
async def test_a_card_is_written_to_once_in_a_while_and_not_for_what_the_output_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    found, box, task = await spooled(tmp_path, 2 * MAX_SEALED + 1, sync_s=30.0)
    await asyncio.sleep(15)
    written_at_once = sum(disk.together)
    waiting = box.line.take(found.clock())
    assert waiting and await box.body(waiting), "it is sent from memory"
    last = max(box.line._all)
    box.line.answered(last)
    await box.stored(last)
    await asyncio.sleep(30)
    task.cancel()
    assert written_at_once <= MAX_SEALED
    assert sum(disk.together) == 2 * MAX_SEALED and len(disk.together) <= 2


@on_virtual_time
async def test_much_is_written_at_once_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    monkeypatch.setattr(spooling, "MOST_UNWRITTEN_BYTES", 1)
    *_, task = await spooled(tmp_path, 3, sync_s=3600.0)
    await asyncio.sleep(2)
    task.cancel()
    assert sum(disk.together) == 3


@on_virtual_time
async def test_what_waits_to_be_synced_is_written_when_the_worker_stops(tmp_path: Path) -> None:
    _, box, task = await spooled(tmp_path, 2 * MAX_SEALED, sync_s=3600.0)
    await asyncio.sleep(2)
    task.cancel()
    await box.close()
    assert len(await asyncio.to_thread(lambda: list(tmp_path.glob("*.segment")))) == 2 * MAX_SEALED
