"""A dump is a whole store of one moment, made while batches go on coming, and leaves nothing behind."""

import asyncio
import hashlib
from pathlib import Path

import apsw
import pytest

from hoploom.kit.errors import Unavailable
from hoploom.output_service import dump
from hoploom.output_service.store import Store
from unit.wire.batches import make

ROWS = 512
BATCHES = 40


def opened(path: Path) -> apsw.Connection:
    return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)


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
        with dump.made(store, 30) as made:
            copy = opened(made.path)
            assert partial_batches(copy) == []
            sizes.append(int(str(copy.execute("SELECT count(*) FROM batches").get)))
            assert copy.execute("SELECT coalesce(max(seq), 0) FROM batches").get == sizes[-1]
            copy.close()
        await asyncio.sleep(0)
    await ingest
    assert sizes == sorted(sizes)


async def test_the_check_for_whole_batches_sees_a_lost_row(store: Store) -> None:
    await store.append(make())
    store._writer.execute("DELETE FROM ping_results WHERE address = '10.0.0.3'")
    with dump.made(store, 30) as made:
        assert len(partial_batches(opened(made.path))) == 1


async def test_a_dump_is_a_plain_database_of_tables_that_needs_no_file_beside_it(store: Store) -> None:
    await store.append(make())
    with dump.made(store, 30) as made:
        copy = opened(made.path)
        assert {kind for (kind,) in copy.execute("SELECT type FROM sqlite_schema")} == {"table", "index"}
        assert copy.pragma("journal_mode") == "delete"
        assert copy.execute("SELECT value FROM meta WHERE name = 'store'").get == store.uuid
        assert copy.pragma("integrity_check") == "ok"
        assert made.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()


async def test_two_dumps_merge_by_attach_and_insert(store: Store, tmp_path: Path) -> None:
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    other = Store(other_folder, 8)
    for number in range(3):
        await store.append(make(number))
    for number in range(2, 4):
        await other.append(make(number))
    with dump.made(store, 30) as one, dump.made(other, 30) as two:
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
    with pytest.raises(Unavailable, match="no dump"), dump.made(store, -1):
        pass
    assert not list(store.path.parent.glob(".dump-*"))


async def test_a_finished_dump_leaves_nothing(store: Store) -> None:
    with dump.made(store, 30) as made:
        assert made.path.exists()
    assert not list(store.path.parent.glob(".dump-*"))


def test_what_a_killed_process_left_of_a_dump_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".dump-x").mkdir()
    (tmp_path / ".dump-x" / "dump.db").touch()
    (tmp_path / "results.db").touch()
    dump.sweep(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["results.db"]
