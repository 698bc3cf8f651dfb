"""A store of any older version becomes one of this, with all that it held."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from hoploom.output_service import hop_feed, schema
from hoploom.output_service.folder import OLD
from hoploom.output_service.migrations import LOCATED, MIGRATIONS
from hoploom.output_service.store import Store
from hoploom.results import tables

STARTED_US = 1_700_000_000_000_000
STORE = "5d3c0d2e-1111-4222-8333-944445555666"


def made(path: Path, version: int) -> apsw.Connection:
    """A database as a program of that version made it."""
    connection = apsw.Connection(str(path))
    for statement in (each for migration in MIGRATIONS[:version] for each in migration):
        connection.execute(statement)
    connection.pragma("user_version", version)
    return connection


@pytest.mark.parametrize("version", range(len(MIGRATIONS)))
def test_every_older_version_comes_to_the_tables_of_a_new_store(tmp_path: Path, version: int) -> None:
    new, old = made(tmp_path / "new.db", len(MIGRATIONS)), made(tmp_path / "old.db", version)
    schema.migrate(old)
    everything = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    assert old.execute(everything).fetchall() == new.execute(everything).fetchall()
    assert old.pragma("user_version") == tables.SCHEMA
    for name, statement in tables.TABLES.items():
        assert old.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).get == statement
    old.close()
    new.close()


def batch(key: int, kind: str, rows: int, hops: int) -> tuple[object, ...]:
    batch_id = f"{key:08x}-0000-4000-8000-000000000000"
    who = ("first-map", 2_000_000_001, 2_000_000_002, "pi-7", 2_000_000_003, "ab" * 32, 0, "pi-7", "lease", 4, kind)
    counts = (0, 9, rows, rows, 0, 0, 0)
    return (batch_id, key, b"digest", key, *who, *counts, "boot", STARTED_US, 5, STARTED_US + 7, int(key == 3), hops)


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[Store]:
    """A store that was of version 6: pings, traceroutes and pings; the first traceroutes' hops were told of."""
    connection = made(tmp_path / OLD, 6)
    connection.execute("INSERT INTO meta VALUES ('store', ?), ('hops_told_upto', '3')", (STORE,))
    for each in (batch(1, "ping", 2, 0), batch(2, "trace", 1, 3), batch(3, "ping", 1, 0), batch(4, "trace", 1, 1)):
        connection.execute(f"INSERT INTO batches VALUES ({', '.join('?' * len(each))})", each)
    ids = (2_000_000_001, 2_000_000_002, 2_000_000_003, 0)
    pings = [
        (*ids, 7, 1, "8.8.8.8", "answered", 3, 2, 1, 10, 20, 30, 57, None, None, None, STARTED_US + 1_999),
        (*ids, 8, 1, "8.8.4.4", "answered", 1, 1, 0, 10, 10, 10, 57, None, None, None, STARTED_US),
        (*ids, 3, 3, "2a00::1", "unreachable", 1, 0, 0, None, None, None, None, 1, 4, "2a00::f", STARTED_US + 5_000),
    ]
    connection.executemany(f"INSERT INTO ping_results VALUES ({', '.join('?' * 19)})", pings)
    paths = [
        (*ids, 1, 2, "9.9.9.9", "loop", 5, 3, None, 3, STARTED_US + 2_000),
        (*ids, 2, 4, "9.9.9.8", "reached", 1, None, 1, 1, STARTED_US),
    ]
    connection.executemany(f"INSERT INTO traceroutes VALUES ({', '.join('?' * 13)})", paths)
    hops = [
        (*ids, 1, 2, "9.9.9.9", 1, "10.0.0.1", 900, 64, 1, 11, 0, STARTED_US + 3_000, "16:0:1:254"),
        (*ids, 1, 2, "9.9.9.9", 2, None, None, None, None, None, None, STARTED_US, None),
        (*ids, 1, 2, "9.9.9.9", 3, "10.0.0.1", 901, 64, 1, 11, 0, STARTED_US, None),
        (*ids, 2, 4, "9.9.9.8", 1, "9.9.9.8", 902, 64, None, 0, 0, STARTED_US, None),
    ]
    connection.executemany(f"INSERT INTO traceroute_hops VALUES ({', '.join('?' * 16)})", hops)
    connection.close()
    opened = Store(tmp_path, 8)
    yield opened
    opened.close()


async def test_the_rows_of_version_6_say_the_same_in_the_new_tables(migrated: Store) -> None:
    assert await migrated.read("SELECT * FROM ping_results") == [
        (1, "8.8.8.8", 0, 3, 2, 1, 20, 10, 30, 57, None, None, None, 1),
        (1, "8.8.4.4", 0, 1, 1, 0, 10, None, None, 57, None, None, None, 0),
        (3, "2a00::1", 2, 1, 0, 0, None, None, None, None, 1, 4, "2a00::f", 5),
    ]
    assert await migrated.read("SELECT * FROM traceroutes") == [
        (2, "9.9.9.9", 3, 5, 3, None, 3, 2),
        (4, "9.9.9.8", 0, 1, None, 1, 1, 0),
    ]
    assert await migrated.read("SELECT * FROM traceroute_hops") == [
        (2, "9.9.9.9", 1, "10.0.0.1", 900, 64, 1, 11, 0, "16:0:1:254", 3),
        (2, "9.9.9.9", 2, None, None, None, None, None, None, None, 0),
        (2, "9.9.9.9", 3, "10.0.0.1", 901, 64, 1, 11, 0, None, 0),
        (4, "9.9.9.8", 1, "9.9.9.8", 902, 64, None, 0, 0, None, 0),
    ]


async def test_the_batches_of_version_6_keep_what_they_said_and_where_their_rows_begin(migrated: Store) -> None:
    wanted = "seq, store, kind, stop, result_rows, hop_rows, answered, suspect, boot_id, clock_offset_us"
    assert await migrated.read(f"SELECT {wanted} FROM batches ORDER BY seq") == [
        (1, STORE, "ping", 9, 2, 0, 2, 0, "boot", 5),
        (2, STORE, "trace", 9, 1, 3, 1, 0, "boot", 5),
        (3, STORE, "ping", 9, 1, 0, 1, 1, "boot", 5),
        (4, STORE, "trace", 9, 1, 1, 1, 0, "boot", 5),
    ]
    assert await migrated.read("SELECT * FROM locations") == [(1, 1, 1), (2, 1, 1), (3, 3, 4), (4, 2, 4)]
    told = await migrated.read("SELECT value FROM meta WHERE name = ?", (hop_feed.CURSOR,))
    assert (migrated.uuid, told) == (STORE, [("3",)])


def steps_to_locate(batches: int) -> int:
    """How often SQLite says that it has taken another hundred steps."""
    connection, steps = apsw.Connection(":memory:"), itertools.count()
    connection.execute("CREATE TABLE batches (seq INTEGER, kind TEXT, result_rows INTEGER, hop_rows INTEGER)")
    rows = ((seq, "trace" if seq % 3 else "ping", 2, seq % 3) for seq in range(1, batches + 1))
    connection.executemany("INSERT INTO batches VALUES (?, ?, ?, ?)", rows)
    connection.set_progress_handler(lambda: next(steps) < 0, 100)
    connection.execute(LOCATED).fetchall()
    connection.close()
    return next(steps)


def test_twice_as_many_batches_take_twice_as_long_to_be_located() -> None:
    assert steps_to_locate(800) < 3 * steps_to_locate(400)
