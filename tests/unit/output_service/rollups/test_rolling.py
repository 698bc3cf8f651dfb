"""What is stored is added by itself, and nothing that goes wrong on the way is more than a pause."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.output_service.app import make_app
from hoploom.output_service.handlers import NEWS, STORE
from hoploom.output_service.news import News
from hoploom.output_service.rollups import rolling
from hoploom.output_service.rollups.cells import Cells
from hoploom.output_service.rollups.handlers import ROLLING
from hoploom.output_service.rollups.naming import Naming
from hoploom.output_service.rollups.rolling import STEP_ROWS, Rolling
from hoploom.output_service.rollups.sums import FILE, Sums
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import Store
from unit.output_service.rollups.counting import in_store, in_sums
from unit.output_service.rollups.stored import NoDocuments, fill
from unit.output_service.rollups.test_naming import Input
from unit.wire.batches import make
from waiting import eventually


def made(store: Store, asked: Input) -> Rolling:
    return Rolling(store, News(), Naming(asked, lambda: asked.now_s), [Cells(NoDocuments())])


async def test_what_an_instance_stores_is_added_by_itself(
    on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "PACE_S", 0.01)
    monkeypatch.setattr("hoploom.output_service.rollups.naming.PATIENCE_S", 0.0)
    app = on_mesh(make_app(Settings(db_dir=tmp_path / "db")), background=True)
    async with TestClient(TestServer(app)):
        for number in range(3):
            await app[STORE].append(make(number))
            app[NEWS].ring()
            expected = in_store(app[STORE].files)

            async def are_there(expected: object = expected) -> bool:
                with_file = app[ROLLING]._sums is not None
                return with_file and await app[ROLLING].ask(in_sums) == expected

            await eventually("the batch is in the sums", are_there)


async def test_while_networks_cannot_be_learned_nothing_is_added(store: Store) -> None:
    asked = Input({}, is_away=True)
    running = made(store, asked)
    await fill(store)
    with pytest.raises(Unavailable):
        await running.step()
    assert await running.ask(in_sums) == {}
    asked.is_away = False
    while await running.step():
        pass
    assert await running.ask(in_sums) == in_store(store.files)
    running.close()


async def test_sums_that_are_ahead_of_an_older_copy_of_the_store_are_made_anew(store: Store) -> None:
    await store.append(make(0))
    ahead = Sums(store.files.folder, store.uuid, [Cells(NoDocuments())])
    ahead.add([], 7)
    ahead.close()
    running = made(store, Input({}))
    while await running.step():
        pass
    assert await running.ask(in_sums) == in_store(store.files) != {}
    running.close()


async def test_a_file_that_is_removed_under_way_is_made_anew(store: Store) -> None:
    await fill(store)
    running = made(store, Input({}))
    while await running.step():
        pass
    expected = await running.ask(in_sums)
    for each in store.files.folder.glob(f"{FILE}*"):
        each.unlink()
    while await running.step():
        pass
    assert await running.ask(in_sums) == expected != {}
    running.close()


async def test_before_the_file_is_open_its_readers_are_told_to_come_again(store: Store) -> None:
    running = made(store, Input({}))
    with pytest.raises(Unavailable, match="being opened"):
        await running.ask(in_sums)
    running.close()


async def test_a_step_that_is_under_way_is_waited_for_at_the_end(store: Store) -> None:
    running = made(store, Input({}))
    await fill(store)
    step = asyncio.create_task(running.step())
    await eventually("the file is there", (store.files.folder / FILE).exists)
    await asyncio.to_thread(running.close)
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    assert not list(store.files.folder.glob(f"{FILE}-wal"))


@pytest.mark.parametrize(
    ("added", "took_s", "is_busy", "expected"),
    [
        (STEP_ROWS, 0.5, False, 0.0),
        (STEP_ROWS, 0.5, True, 2.0),
        (STEP_ROWS, 60.0, True, rolling.MOST_PAUSE_S),
        (10, 0.01, False, rolling.PACE_S),
        (10, 0.01, True, rolling.PACE_S),
        (0, 0.0, False, rolling.PACE_S),
    ],
    ids=["much, and rest", "much, and more comes", "on a machine that stands", "little", "a trickle", "nothing"],
)
def test_who_stores_batches_goes_first(added: int, took_s: float, is_busy: bool, expected: float) -> None:
    assert rolling.pause_s(added, took_s, is_busy=is_busy) == expected
