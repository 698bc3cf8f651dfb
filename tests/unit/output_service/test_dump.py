"""A dump is a whole store of one moment, made while batches go on coming, and leaves nothing behind."""

import asyncio
import errno
import hashlib
from contextlib import AbstractContextManager
from pathlib import Path

import apsw
import pytest
import zstandard

from hoploom.kit.errors import OutOfSpace, Unavailable
from hoploom.output_service import disk, dump
from hoploom.output_service.dump import Dump, Order
from hoploom.output_service.extract import EVERYTHING, Wanted
from hoploom.output_service.store import Store
from unit.wire.batches import make

ROWS = 512
BATCHES = 40


def opened(path: Path) -> apsw.Connection:
    return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)


def made(
    store: Store, since: int = 0, upto: int = EVERYTHING, *, in_time: bool = True, packed: bool = False
) -> AbstractContextManager[Dump]:
    return dump.made(store.files, Order(Wanted(store.uuid, since, upto), lambda: not in_time, packed))


def partial_batches(connection: apsw.Connection) -> list[tuple[object, ...]]:
    """Batches whose rows are not all there, and rows whose batch is not there."""
    return list(
        connection.execute(
            "SELECT coalesce(b.batch_key, r.batch_key), b.result_rows, r.found FROM batches b FULL JOIN "
            "(SELECT batch_key, count(*) AS found FROM ping_results GROUP BY batch_key) r USING (batch_key) "
            "WHERE b.result_rows IS NOT r.found"
        )
    )


async def test_dumps_made_while_batches_come_hold_whole_batches_only_in_their_order(store: Store) -> None:
    ingest = asyncio.gather(*(store.append(make(number, ROWS)) for number in range(BATCHES)))
    sizes: list[int] = []
    while not sizes or sizes[-1] < BATCHES:
        with made(store) as copied:
            copy = opened(copied.path)
            assert partial_batches(copy) == []
            sizes.append(int(str(copy.execute("SELECT count(*) FROM batches").get)))
            assert copy.execute("SELECT coalesce(max(seq), 0) FROM batches").get == sizes[-1]
            copy.close()
        await asyncio.sleep(0)
    await ingest
    assert sizes == sorted(sizes)


async def test_the_check_for_whole_batches_sees_a_lost_row(store: Store) -> None:
    await store.append(make())
    store.writer.connection.execute("DELETE FROM ping_results WHERE address = '10.0.0.3'")
    with made(store) as copied:
        assert len(partial_batches(opened(copied.path))) == 1


async def test_a_dump_is_a_plain_database_of_tables_that_needs_no_file_beside_it(store: Store) -> None:
    await store.append(make())
    with made(store) as copied:
        copy = opened(copied.path)
        assert {kind for (kind,) in copy.execute("SELECT type FROM sqlite_schema")} == {"table", "index"}
        assert copy.pragma("journal_mode") == "delete"
        assert copy.execute("SELECT value FROM meta WHERE name = 'store'").get == store.uuid
        assert copy.pragma("integrity_check") == "ok"
        assert copied.sha256 == hashlib.sha256(copied.path.read_bytes()).hexdigest()


async def test_two_dumps_merge_by_attach_and_insert(store: Store, tmp_path: Path) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other = Store(other_folder, 8)
    for number in range(3):
        await store.append(make(number))
    for number in range(2, 4):
        await other.append(make(number))
    with made(store) as one, made(other) as two:
        merged = apsw.Connection(str(tmp_path / "merged.db"))
        merged.execute("ATTACH ? AS a; ATTACH ? AS b", (str(one.path), str(two.path)))
        merged.execute("CREATE TABLE ping_results AS SELECT * FROM a.ping_results")
        known = "(SELECT batch FROM a.batches)"
        merged.execute(
            "INSERT INTO ping_results SELECT r.* FROM b.ping_results r JOIN b.batches USING (batch_key) "
            f"WHERE batch NOT IN {known}"
        )
        assert merged.execute("SELECT count(*), count(DISTINCT address) FROM main.ping_results").get == (24, 24)
        merged.close()
    await asyncio.to_thread(other.close)


async def test_a_dump_that_takes_too_long_is_given_up_and_leaves_nothing(store: Store) -> None:
    for number in range(8):
        await store.append(make(number, 4096))
    with pytest.raises(Unavailable, match="in time"), made(store, in_time=False):
        pass
    assert not list(store.path.parent.glob(".dump-*"))


async def test_a_compressed_dump_unpacks_to_the_same(store: Store, tmp_path: Path) -> None:
    for number in range(3):
        await store.append(make(number))
    with made(store, 1, 2, packed=True) as copied:
        assert copied.sha256 == hashlib.sha256(copied.path.read_bytes()).hexdigest()
        (tmp_path / "got.db").write_bytes(zstandard.decompress(copied.path.read_bytes()))
    assert list(opened(tmp_path / "got.db").execute("SELECT seq FROM batches")) == [(2,)]


async def test_a_dump_that_would_fill_the_disk_is_refused_and_a_small_one_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(make())
    monkeypatch.setattr(disk, "SPARE_BYTES", 2**60)
    monkeypatch.setattr(disk, "SPARE_SHARE", 2.0)
    with pytest.raises(OutOfSpace, match="more room"), made(store):
        pass
    with made(store, 1):
        pass


async def test_a_finished_dump_leaves_nothing(store: Store) -> None:
    with made(store) as copied:
        assert copied.path.exists()
    assert not list(store.path.parent.glob(".dump-*"))


def test_what_a_killed_process_left_of_a_dump_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".dump-x").mkdir()
    (tmp_path / ".dump-x" / "dump.db").touch()
    (tmp_path / "results.db").touch()
    dump.sweep(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["results.db"]


async def test_a_disk_that_fills_up_while_a_dump_is_compressed_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> object:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(zstandard, "ZstdCompressor", full)
    with pytest.raises(OutOfSpace, match="no room"):
        dump.unlinked(store.files, Order(Wanted(store.uuid, 0, EVERYTHING), lambda: False, is_compressed=True))
    assert not list(store.files.folder.glob(".dump-*"))
