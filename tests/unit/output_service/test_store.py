"""The store: durable, once, in one thread; a fault of one batch is not a fault of the others."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import numpy as np
import pytest

from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import ConfigError, OutOfSpace, Unavailable, Unprocessable
from hoploom.output_service import trace_rows
from hoploom.output_service.cells import batch_key
from hoploom.output_service.folder import live
from hoploom.output_service.store import OtherContent, Store, Stored
from hoploom.output_service.writing import MAX_PER_COMMIT
from hoploom.wire.batch import INTEGER_RANGES, Batch
from hoploom.wire.columns import MAX_INT
from hoploom.wire.traces import FAILED, GAP, LOOP, REACHED, UNREACHABLE
from unit.wire.batches import make
from unit.wire.traces import paths, traced


async def count(store: Store, table: str = "ping_results") -> int:
    return int((await store.read(f"SELECT count(*) FROM {table}"))[0][0])


async def test_a_batch_is_stored_once_however_often_it_comes(store: Store) -> None:
    first = await store.append(make())
    again = await store.append(dataclasses.replace(make(), sent_monotonic_us=7_000_000))
    assert (first.duplicate, again.duplicate, first.seq == again.seq) == (False, True, True)
    assert await count(store) == 6


def clocks(within_s: float) -> float:
    return metrics.registry.get_sample_value("hoploom_output_clock_offset_seconds_bucket", {"le": f"{within_s}"}) or 0


async def test_a_worker_whose_clock_is_off_is_measured(store: Store) -> None:
    before = clocks(60.0), clocks(3600.0)
    await store.append(dataclasses.replace(make(7), started_at_us=wall_us() - 600_000_000))
    await store.append(dataclasses.replace(make(8), started_at_us=wall_us()))
    assert (clocks(60.0) - before[0], clocks(3600.0) - before[1]) == (1, 2)


async def test_the_same_id_with_other_content_is_refused_and_changes_nothing(store: Store) -> None:
    await store.append(make())
    with pytest.raises(OtherContent, match="other content"):
        await store.append(make(lease="another"))
    assert await store.read("SELECT lease FROM batches") == [("first-map/pi-7/0/0",)]


async def test_a_batch_whose_key_belongs_to_another_is_refused(store: Store) -> None:
    await store.append(make(0))
    with pytest.raises(Unprocessable, match="another id"):
        await store.append(make(1, batch="00000000-0000-4000-8000-000000000001"))
    assert await count(store) == 6


async def test_one_bad_batch_of_a_group_spoils_none_of_the_others(store: Store) -> None:
    await store.append(make())
    batches = [make(1), make(lease="another"), make(2)]
    results = await asyncio.gather(*map(store.append, batches), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["Stored", "OtherContent", "Stored"]
    assert await count(store) == 18


async def test_the_rows_say_what_the_batch_said(store: Store) -> None:
    await store.append(make())
    found, key = await store.read("SELECT * FROM ping_results LIMIT 3"), batch_key(make().batch)
    assert found == [
        (key, "10.0.0.0", 0, 1, 1, 0, 100, None, None, 64, None, None, None, 0),
        (key, "10.0.0.1", 0, 1, 1, 0, 101, None, None, 64, None, None, None, 0),
        (key, "10.0.0.2", 1, 1, 0, 0, None, None, None, None, None, None, None, 0),
    ]


async def test_a_batch_says_which_store_took_it_and_where_its_rows_begin(store: Store) -> None:
    for batch in (make(0), traced(1), make(2), traced(3)):
        await store.append(batch)
    assert await store.read("SELECT DISTINCT store FROM batches") == [(store.uuid,)]
    assert await store.read("SELECT * FROM locations") == [(1, 1, 1), (2, 1, 1), (3, 7, 13), (4, 4, 13)]


async def test_the_counts_of_a_batch_are_kept_beside_it(store: Store) -> None:
    await store.append(make())
    found = await store.read("SELECT seq, result_rows, answered, lost, unreachable, failed FROM batches")
    assert found == [(1, 6, 4, 2, 0, 0)]


@pytest.mark.parametrize("piece_rows", [5, trace_rows.PIECE_ROWS])
async def test_traceroutes_and_their_hops_say_what_the_batch_said(
    store: Store, piece_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_rows, "PIECE_ROWS", piece_rows)
    await store.append(traced())
    key = batch_key(traced().batch)
    assert await store.read("SELECT * FROM traceroutes") == [
        (key, "10.0.0.0", 0, 5, None, 4, 4, 0),
        (key, "10.0.0.1", 0, 5, 1, 4, 4, 0),
        (key, "10.0.0.2", 1, 5, None, None, 4, 0),
    ]
    found = await store.read("SELECT * FROM traceroute_hops WHERE address = '10.0.0.1'")
    target = (key, "10.0.0.1")
    assert found == [
        (*target, 1, "11.0.0.1", 1004, 60, 1, 11, 0, None, 0),
        (*target, 2, None, None, None, None, None, None, None, 0),
        (*target, 3, "11.0.0.3", 1006, 60, 1, 11, 0, "24001:0:0:1 16:0:1:254", 0),
        (*target, 4, "10.0.0.1", 1007, 60, None, 0, 0, None, 0),
    ]
    assert await store.read("SELECT kind, result_rows, hop_rows FROM batches") == [("trace", 3, 12)]
    assert await count(store) == 0


async def test_a_path_that_ends_in_silence_or_in_a_loop_counts_as_lost(store: Store) -> None:
    rows = dataclasses.replace(paths(7), outcome=np.array([REACHED, GAP, LOOP, UNREACHABLE, FAILED, FAILED, REACHED]))
    await store.append(traced(targets=7, columns=rows))
    found = await store.read("SELECT result_rows, answered, lost, unreachable, failed FROM batches")
    assert found == [(7, 2, 2, 1, 2)]


async def test_traceroutes_are_stored_once_however_often_they_come(store: Store) -> None:
    await store.append(traced())
    assert (await store.append(dataclasses.replace(traced(), sent_monotonic_us=7_000_000))).duplicate
    with pytest.raises(OtherContent, match="other content"):
        await store.append(traced(columns=dataclasses.replace(paths(3), mpls_entry=np.zeros(6, np.uint32))))
    assert (await count(store, "traceroutes"), await count(store, "traceroute_hops")) == (3, 12)


EXTREMES = {
    "the earliest clock and the oldest batch": {"started_at_us": -MAX_INT, "sent_monotonic_us": MAX_INT - 1},
    "the latest clock and a monotonic clock that fell": {
        "started_at_us": MAX_INT - 1,
        "started_monotonic_us": MAX_INT - 1,
        "sent_monotonic_us": 0,
    },
    "the largest numbers": {
        name: INTEGER_RANGES[name][-1] for name in ("worker_number", "campaign_number", "measurement", "round")
    },
}


@pytest.mark.parametrize("changes", EXTREMES.values(), ids=EXTREMES)
async def test_every_acceptable_value_fits_the_tables(store: Store, changes: dict[str, int]) -> None:
    good = make(**changes)
    late = dataclasses.replace(good.columns, at_us=np.full(6, MAX_INT - 1))
    await store.append(dataclasses.replace(good, columns=late))
    assert await store.read("SELECT DISTINCT at_ms FROM ping_results") == [((MAX_INT - 1) // 1000,)]


async def test_a_full_disk_acknowledges_nothing_and_takes_everything_again_later(store: Store) -> None:
    await store.append(make())
    pages = store.writer.connection.pragma("page_count")
    store.writer.connection.pragma("max_page_count", pages)
    big = make(1, rows=4096)
    with pytest.raises(OutOfSpace):
        await store.append(big)
    assert (await count(store), await count(store, "batches")) == (6, 1)
    store.writer.connection.pragma("max_page_count", 2**30)
    assert await store.append(big) == Stored(2, duplicate=False)


async def test_more_batches_than_may_wait_are_put_off(tmp_path: Path, stalled: apsw.Connection) -> None:
    store = Store(tmp_path, 1)
    stalled.execute("BEGIN IMMEDIATE")
    appends = [asyncio.create_task(store.append(make(number))) for number in range(MAX_PER_COMMIT + 4)]
    await asyncio.wait(appends, return_when=asyncio.FIRST_EXCEPTION)
    stalled.execute("ROLLBACK")
    results = await asyncio.gather(*appends, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert refused and all(each.retry_after_s > 0 and "too many" in str(each) for each in refused)
    assert await count(store, "batches") == len(results) - len(refused) > 0
    await asyncio.to_thread(store.close)


@pytest.fixture
def stalled(tmp_path: Path) -> Iterator[apsw.Connection]:
    """A stranger's connection that can hold the write lock, as a slow disk would."""
    Store(tmp_path, 1).close()
    connection = apsw.Connection(str(tmp_path / live(1)))
    yield connection
    connection.close()


async def test_a_bug_while_writing_ends_the_writer_and_answers_nobody_with_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, 8)

    def broken(_batch: Batch, _received_at_us: int) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("hoploom.output_service.rows.batch_row", broken)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(store.append(make()), 60)
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.wait_for(store.ended(), 60)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(store.append(make()), 60)
    await asyncio.to_thread(store.close)


async def test_a_store_that_is_closed_while_somebody_reads_leaves_one_file(tmp_path: Path) -> None:
    store, reading, go = Store(tmp_path, 8), threading.Event(), threading.Event()

    def question(connection: apsw.Connection) -> int:
        found = len(list(connection.execute("SELECT seq FROM batches")))
        reading.set()
        go.wait(60)
        return found

    await store.append(make())
    asked = asyncio.ensure_future(store.ask(question))
    await asyncio.to_thread(reading.wait, 60)
    closing = asyncio.ensure_future(asyncio.to_thread(store.close))
    await asyncio.wait([closing], timeout=0.1)
    assert not closing.done(), "it waits for the reader"
    go.set()
    await closing
    assert await asked == 1
    assert [each for each in await asyncio.to_thread(os.listdir, tmp_path) if each.startswith("live-")] == [live(1)]


def test_a_store_keeps_its_uuid_and_its_order(tmp_path: Path) -> None:
    first = Store(tmp_path, 8)
    asyncio.run(first.append(make()))
    first.close()
    second = Store(tmp_path, 8)
    stored = asyncio.run(second.append(make(1)))
    second.close()
    assert (second.uuid, stored.seq) == (first.uuid, 2)


def test_the_database_is_in_wal_mode_and_every_commit_is_forced_to_disk(store: Store) -> None:
    assert (store.writer.connection.pragma("journal_mode"), store.writer.connection.pragma("synchronous")) == ("wal", 2)


async def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(Unavailable, match="not authorized"):
        await store.read("DELETE FROM ping_results")


def test_no_view_no_trigger_and_no_key_of_their_own(tmp_path: Path) -> None:
    Store(tmp_path, 1).close()
    connection = apsw.Connection(str(tmp_path / live(1)))
    kinds = {kind for (kind,) in connection.execute("SELECT type FROM sqlite_schema")}
    assert kinds == {"table", "index"}
    for table in ("ping_results", "traceroute_hops"):
        assert not [row for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
        assert not list(connection.execute(f"PRAGMA index_list({table})"))
    connection.close()


def of_a_later_version(path: Path) -> None:
    Store(path.parent, 1).close()
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 999)
    connection.close()


UNUSABLE = {
    "no database": lambda path: path.write_bytes(b"some text, and enough of it to be no header of a database" * 9),
    "a folder": lambda path: path.mkdir(),
    "written by a later version": of_a_later_version,
}


@pytest.mark.parametrize("make_unusable", UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_is_refused_with_one_sentence_when_it_is(tmp_path: Path, make_unusable: object) -> None:
    assert callable(make_unusable)
    make_unusable(tmp_path / live(1))
    with pytest.raises(ConfigError) as refused:
        Store(tmp_path, 1)
    assert str(tmp_path) in str(refused.value)
