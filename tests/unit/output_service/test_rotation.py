"""Files follow each other, and nobody who stores or reads sees more of it than a number."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from hoploom.kit.errors import OutOfSpace
from hoploom.output_service import disk, newest, rotation
from hoploom.output_service.extract import EVERYTHING
from hoploom.output_service.store import OtherContent, Store
from unit.output_service.folders import ALWAYS, held, names, opened_and_stepped, stepped
from unit.wire.batches import make
from unit.wire.traces import traced


async def rotated(store: Store) -> None:
    assert await store.rotate(0, 0)


async def test_batches_are_numbered_on_and_known_again_over_files_and_restarts(store: Store) -> None:
    folder = store.files.folder
    for number in range(3):
        assert (await store.append(make(number))).seq == number + 1
        await rotated(store)
    again = [await store.append(make(number)) for number in range(3)]
    assert [(each.seq, each.duplicate) for each in again] == [(1, True), (2, True), (3, True)]
    with pytest.raises(OtherContent):
        await store.append(make(1, lease="another"))
    assert held(store) == {number + 1: make(number).batch for number in range(3)}
    assert names(folder) == {"live-000001.db", "live-000002.db", "live-000003.db", "live-000004.db"}
    await stepped(store)
    await stepped(store)
    assert names(folder) == {"results-000001.db", "results-000002.db", "results-000003.db", "live-000004.db"}
    assert held(store) == {number + 1: make(number).batch for number in range(3)}
    store.close()
    second = Store(folder, 8)
    assert (second.uuid, (await second.append(make(2))).seq, (await second.append(make(3))).seq) == (store.uuid, 3, 4)
    assert second.files.number_of(4) == 4
    second.close()


async def test_an_empty_file_is_gone_on_with(store: Store) -> None:
    assert not await store.rotate(0, 0)
    await store.append(make())
    await rotated(store)
    assert not await store.rotate(0, 0)


async def test_a_file_lasts_as_long_as_it_is_small_and_young(store: Store) -> None:
    await store.append(make(0, 4096))
    assert not await store.rotate(10**9, 10**9)
    assert await store.rotate(100_000, 10**9)
    await store.append(make(1))
    assert not await store.rotate(100_000, 10**9)
    assert await store.rotate(10**9, 0)


async def test_notes_come_along(store: Store) -> None:
    await store.note("hops_told_upto", "7")
    await store.append(make())
    await rotated(store)
    assert await store.read("SELECT value FROM meta WHERE name = 'hops_told_upto'") == [("7",)]


async def test_the_newest_results_go_on_in_the_files_before(store: Store) -> None:
    for number in range(4):
        await store.append(make(number, campaign="one" if number % 2 else "two"))
        await store.append(traced(10 + number))
        await rotated(store)
    await stepped(store)
    found = await newest.newest(store, "ping", "", newest.END, 1000)
    everything = [f"10.0.0.{number}" for number in range(4 * 6 - 1, -1, -1)]
    assert [each["address"] for each in found] == everything
    for limit in (1, 4, 6, 7, 23):
        paged, before = list[Any](), newest.END
        while page := await newest.newest(store, "ping", "", before, limit):
            assert len(page) <= limit
            paged += page
            before = page[-1]["row"]
        assert paged == found
    of_one = await newest.newest(store, "ping", "one", newest.END, 8)
    assert [each["address"] for each in of_one] == everything[:6] + everything[12:14]
    traces = await newest.newest(store, "trace", "", newest.END, 5)
    assert [len(each["hops"]) for each in traces] == [4] * 5
    assert len({each["row"] for each in traces}) == 5


CALLS: list[tuple[Any, str]] = [(os, "fsync"), (Path, "rename"), (Path, "unlink"), (apsw, "Connection")]


async def test_a_crash_at_any_moment_leaves_a_folder_with_every_batch_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shots: dict[tuple[tuple[str, int], ...], Path] = {}

    def shot() -> None:
        state = tuple(sorted((each.name, each.stat().st_size) for each in store.files.folder.iterdir()))
        if state not in shots:
            shots[state] = Path(shutil.copytree(store.files.folder, tmp_path / f"shot{len(shots)}"))

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            shot()
            result = call(*args, **options)
            shot()
            return result

        return wrapped

    for number in range(2):
        await store.append(make(number))
        await store.append(traced(10 + number))
        await stepped(store, ALWAYS)
    await store.append(make(5))
    wanted = held(store)
    for where, name in CALLS:
        monkeypatch.setattr(where, name, watched(getattr(where, name)))
    await stepped(store, ALWAYS)
    monkeypatch.undo()
    assert len(shots) >= 8
    ends = set()
    for each in shots.values():
        found, left = await opened_and_stepped(each)
        assert found == wanted, each.name
        ends.add(tuple(sorted(left)))
    closed = ("results-000001.db", "results-000002.db")
    assert ends == {("live-000003.db", *closed), ("live-000004.db", *closed, "results-000003.db")}


async def test_a_file_that_cannot_be_begun_is_taken_back_and_the_one_before_is_gone_on_with(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(make())

    def full(*_: object) -> apsw.Connection:
        raise apsw.FullError("no room")

    for name in ("prepare", "open_for_writing"):
        with monkeypatch.context() as patch:
            patch.setattr(rotation, name, full)
            with pytest.raises(OutOfSpace):
                await store.rotate(0, 0)
        assert [each for each in names(store.files.folder) if "2" in each and "live" in each] == []
        assert (await store.append(make(len(held(store))))).seq == len(held(store))
    await rotated(store)
    assert held(store) == {number + 1: make(number).batch for number in range(3)}


async def test_the_next_file_is_made_ready_before_and_is_made_anew_where_that_was_not_finished(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    prepare = rotation.prepare

    def counted(path: Path, number: int, *more: Any) -> None:
        made.append(number)
        prepare(path, number, *more)

    monkeypatch.setattr(rotation, "prepare", counted)
    for number in range(4):
        await store.append(make(number))
        if number != 2:
            await store.prepare()
            await store.prepare()
        await store.append(make(10 + number))
        await rotated(store)
    assert made == [1, 2, 3, 4]
    assert [(await store.append(make(number))).duplicate for number in (*range(4), *range(10, 14))] == [True] * 8
    indexes = "SELECT sql FROM sqlite_schema WHERE type = 'index' ORDER BY name"
    assert await store.read(indexes) == await store.read(indexes, number=1)
    await asyncio.to_thread(store.close)
    assert names(store.files.folder) == {each.name for each in store.files.folder.glob("*.db")}


async def test_a_file_that_cannot_be_taken_back_ends_the_writer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.append(make())

    def fails(*_: object) -> None:
        monkeypatch.setattr(disk, "remove", fails)
        raise OSError("the disk is gone")

    monkeypatch.setattr(rotation, "open_for_writing", fails)
    with pytest.raises(Exception, match="ended"):
        await store.rotate(0, 0)
    with pytest.raises(RuntimeError):
        await store.ended()
    assert store.has_ended


async def test_the_batches_before_are_found_by_seq(store: Store) -> None:
    for number in range(3):
        await store.append(make(number))
        await store.append(make(10 + number))
        await rotated(store)
    assert [store.files.number_of(seq) for seq in range(1, 8)] == [1, 1, 2, 2, 3, 3, 4]
    assert [store.files.stop_seq(number) for number in range(5)] == [1, 3, 5, 7, EVERYTHING]
