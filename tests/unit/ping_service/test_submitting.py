"""What the output's answers, and the state of a segment, mean for the lease and for the spool."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hoploom.ping_service import chunk, holding
from hoploom.ping_service.orders import Orders
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.station import REFUSED, SPOOL, Station
from hoploom.ping_service.submitting import SENDERS, submit
from hoploom.wire.addresses import column
from hoploom.wire.batch import Batch
from unit.ping_service.stations import BOOT_ID, FakeMesh, columns, lease, on_virtual_time, outbox, station

BATCH = "c0ffee00-0000-4000-8000-00000000000{}"


def batch_of(found: Station, number: int = 0) -> Batch:
    """A batch of two positions of the held lease."""
    targets = column(["127.0.0.1", "127.0.0.2"])
    part = chunk.of(found.holding[0], BATCH.format(number), targets, Orders(), allow_private=True)
    return chunk.batch_of(part, columns(np.zeros(2, np.uint8)), "w", BOOT_ID, suspect=False)


async def opened(mesh: FakeMesh, folder: Path, batches: int = 1, *, counts: bool = True) -> tuple[Station, Outbox]:
    """A worker with a lease of which so many batches are in the spool."""
    found = station(mesh)
    box = outbox(found, folder)
    await box.open(0.0)
    for number in range(batches):
        found.change(holding.granted(found.holding, lease(), 0.0))
        found.change(holding.begun(found.holding, lease().id, 0))
        await box.seal(batch_of(found, number), counts=counts)
        found.change(holding.probed(found.holding, lease().id, 2 * number + 2))
    await box.write()
    return found, box


async def sent(found: Station, box: Outbox, seconds: float = 1.0) -> None:
    """Let the senders work for so long."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(submit(found, box)) for _ in range(SENDERS)]
        await asyncio.sleep(seconds)
        for each in tasks:
            each.cancel()
    await box.close()


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.rglob("*.segment"))


@pytest.mark.parametrize(
    ("refuses", "counts", "upto", "stopped"),
    [(False, True, 2, ""), (False, False, 0, ""), (True, True, 0, REFUSED)],
)
@on_virtual_time
async def test_only_what_is_stored_and_counts_is_dealt_with(
    refuses: bool, counts: bool, upto: int, stopped: str, tmp_path: Path
) -> None:
    found, box = await opened(FakeMesh(refuses=lambda _: refuses), tmp_path, counts=counts)
    await sent(found, box)
    held = found.holding[0]
    assert (held.stored_upto, held.stopped, held.under_way) == (upto, stopped, 0)
    assert found.is_resting is refuses
    assert len(box.line) == 0 and len(files(tmp_path)) == len(files(tmp_path / "quarantine")) == refuses


@on_virtual_time
async def test_chunks_that_are_stored_in_another_order_count_all_the_same(tmp_path: Path) -> None:
    mesh = FakeMesh(late={BATCH.format(0): 3.0})
    found, box = await opened(mesh, tmp_path, 3)
    await sent(found, box, 10)
    assert [each.batch[-1] for each in mesh.batches] == ["1", "2", "0"]
    assert found.holding[0].stored_upto == 6 and found.holding[0].under_way == 0


@on_virtual_time
async def test_one_batch_that_the_output_fails_at_does_not_hold_up_the_others(tmp_path: Path) -> None:
    mesh = FakeMesh(fails={BATCH.format(0)})
    found, box = await opened(mesh, tmp_path, 9)
    await sent(found, box, 30)
    assert [each.batch[-1] for each in mesh.batches] == [*"12345678"]
    assert len(box.line) == 1 and files(tmp_path)[0].endswith(f"{BATCH.format(0)}.segment")
    assert 5 < len([each for _, each in mesh.sends if each == BATCH.format(0)]) < 20


@pytest.mark.parametrize(
    ("spoil", "set_aside"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), 1),
        (lambda path: path.write_bytes(b""), 1),
        (lambda path: path.write_bytes(path.read_bytes()[:-9] + b"\0" + path.read_bytes()[-8:]), 1),
        (lambda path: path.unlink(), 0),
    ],
    ids=["torn", "empty", "rotten", "removed"],
)
@on_virtual_time
async def test_a_segment_that_is_damaged_is_never_sent_and_its_lease_goes_back(
    spoil: Callable[[Path], object], set_aside: int, tmp_path: Path
) -> None:
    mesh = FakeMesh()
    found, box = await opened(mesh, tmp_path, 2)
    spoil(tmp_path / files(tmp_path)[0])
    await sent(found, box, 5)
    assert [each.batch for each in mesh.batches] == [BATCH.format(1)] and len(mesh.sends) == 1
    assert len(files(tmp_path / "quarantine")) == len(files(tmp_path)) == set_aside
    held = found.holding[0]
    assert (held.stored_upto, held.stopped, held.under_way) == (0, SPOOL, 0)


@on_virtual_time
async def test_why_results_wait_is_said_until_they_do_not(tmp_path: Path) -> None:
    mesh = FakeMesh(away={"submit"})
    found, box = await opened(mesh, tmp_path)
    asyncio.get_running_loop().call_later(5, mesh.away.clear)
    asyncio.get_running_loop().call_later(4, lambda: seen.append(found.waiting))
    seen: list[str] = []
    await sent(found, box, 12)
    assert seen == ["results wait: nobody answers to submit"] and found.waiting == ""
    assert len({bytes(each) for each in mesh.bodies}) == len(mesh.batches) == 1
