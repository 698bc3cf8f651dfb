"""Files that are no good files of results: each is refused with one sentence, and nothing of it is taken."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from hoploom.results.source import Refused, open_source
from unit.results.hostile import changed, good, refused, schema_forged


def holding(raw: bytes) -> Callable[[Path], None]:
    """A file of some bytes."""

    def made(path: Path) -> None:
        path.write_bytes(raw)

    return made


def looped(path: Path) -> None:
    path.symlink_to(path)


def sock(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def alive(path: Path) -> None:
    good(path)
    Path(f"{path}-wal").write_bytes(b"")


def in_utf_16(path: Path) -> None:
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (a)")


def no_tables(path: Path) -> None:
    with contextlib.closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE t (a); DROP TABLE t; PRAGMA user_version = 7")


def a_table_less(path: Path) -> None:
    changed("DROP TABLE traceroute_hops")(path)


FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "nothing there": (lambda path: None, "No such file"),
    "an empty file": (holding(b""), "is empty"),
    "some text": (holding(b"results, " * 99), "no SQLite database"),
    "half a header": (holding(b"SQLite format 3\0"), "no SQLite database"),
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "a pipe": (os.mkfifo, "is a pipe"),
    "a socket": (sock, "is a socket"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "a link to itself": (looped, "cannot be read"),
    "a store at work": (alive, "hoploom dump"),
    "a store's file at rest": (changed("PRAGMA journal_mode = WAL"), "hoploom dump"),
    "another encoding": (in_utf_16, "UTF-8"),
    "an empty database": (no_tables, "is an empty database"),
    "an older file": (changed("PRAGMA user_version = 6"), "older version"),
    "a newer file": (changed("PRAGMA user_version = 8"), "newer version"),
    "a file of another program": (changed("PRAGMA user_version = 0"), "no file of results"),
    "a negative version": (changed("PRAGMA user_version = -1"), "older version"),
    "a table less": (a_table_less, "lacks traceroute_hops"),
    "an index less": (changed("DROP INDEX batches_by_key"), "lacks batches_by_key"),
}
SCHEMAS: dict[str, Callable[[Path], None]] = {
    "a trigger": changed("CREATE TRIGGER t AFTER INSERT ON batches BEGIN DELETE FROM batches; END"),
    "a view": changed("CREATE VIEW v AS SELECT * FROM batches"),
    "a view in a table's place": changed(
        "ALTER TABLE ping_results RENAME TO p; CREATE VIEW ping_results AS SELECT * FROM p"),
    "a virtual table": changed("CREATE VIRTUAL TABLE v USING fts5(a)"),
    "a table of its own": changed("CREATE TABLE secrets (a)"),
    "a store's inner table": changed("CREATE TABLE locations (seq INTEGER PRIMARY KEY, first_row INTEGER NOT NULL)"),
    "statistics for the planner": changed("ANALYZE"),
    "a column more": changed("ALTER TABLE ping_results ADD COLUMN note TEXT"),
    "a column less": changed("ALTER TABLE ping_results DROP COLUMN icmp_from"),
    "a column of another name": changed("ALTER TABLE ping_results RENAME COLUMN at_ms TO at"),
    "a generated column": changed("ALTER TABLE ping_results ADD COLUMN g GENERATED ALWAYS AS (abs(sent)) VIRTUAL"),
    "another type": schema_forged("outcome INTEGER NOT NULL", "outcome TEXT NOT NULL"),
    "a check": schema_forged("sent INTEGER NOT NULL", "sent INTEGER NOT NULL CHECK (sent > 0)"),
    "a default": schema_forged("rtt_us INTEGER", "rtt_us INTEGER DEFAULT (random())"),
    "another collation": schema_forged("address TEXT NOT NULL", "address TEXT NOT NULL COLLATE NOCASE"),
    "a key of its own": schema_forged("batch_key INTEGER NOT NULL, address",
                                      "batch_key INTEGER PRIMARY KEY NOT NULL, address"),
    "code behind a comment": schema_forged("rtt_us INTEGER,  ", "rtt_us INTEGER DEFAULT '--\n' || (random()), --"),
    "no statement at all": schema_forged("CREATE UNIQUE INDEX batches_by_key ON batches (batch_key)", ""),
    "an index on an expression": changed("CREATE INDEX i ON ping_results (abs(rtt_us))"),
    "an index on a part": changed("CREATE INDEX i ON ping_results (address) WHERE outcome = 0"),
    "an index with a collation": changed("CREATE INDEX i ON ping_results (address COLLATE NOCASE)"),
    "a unique index": changed("CREATE UNIQUE INDEX i ON ping_results (batch_key, address)"),
}


@pytest.mark.parametrize(("damage", "reason"), FILES.values(), ids=FILES)
def test_what_is_no_file_of_results_is_refused(
    damage: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    damage(tmp_path / "a.db")
    with pytest.raises(Refused, match=reason):
        open_source(tmp_path / "a.db")
    assert reason in refused(tmp_path / "a.db", tmp_path / "m.db")


@pytest.mark.parametrize("damage", SCHEMAS.values(), ids=SCHEMAS)
def test_a_file_that_is_built_otherwise_is_refused(damage: Callable[[Path], None], tmp_path: Path) -> None:
    damage(tmp_path / "a.db")
    with pytest.raises(Refused, match=r"differs|damaged"):
        open_source(tmp_path / "a.db")
    refused(tmp_path / "a.db", tmp_path / "m.db")


ACCEPTED = {
    "a file of a name that means something to SQLite": "a?mode=rwc#%41&x=y.db",
    "a file of a name in no encoding": os.fsdecode(b"\xff\xfe.db"),
    "a name with blanks and quotes": "it's \"one\" .db",
}


@pytest.mark.parametrize("name", ACCEPTED.values(), ids=ACCEPTED)
def test_any_name_is_opened_as_it_is(name: str, tmp_path: Path) -> None:
    good(tmp_path / "good.db")
    (tmp_path / "good.db").rename(tmp_path / name)
    with contextlib.closing(open_source(tmp_path / name)) as connection:
        assert connection.execute("SELECT count(*) FROM batches").get == 3


def test_a_plain_index_and_a_link_to_the_file_are_fine(tmp_path: Path) -> None:
    changed("CREATE INDEX by_address ON ping_results (address, at_ms)")(tmp_path / "a.db")
    (tmp_path / "link").symlink_to("a.db")
    with contextlib.closing(open_source(tmp_path / "link")) as connection:
        assert connection.execute("SELECT count(*) FROM ping_results WHERE address = '10.0.0.1'").get == 1


def test_who_writes_to_a_file_waits_for_whoever_reads_it(tmp_path: Path) -> None:
    good(tmp_path / "a.db")
    with (
        contextlib.closing(open_source(tmp_path / "a.db")) as reading,
        contextlib.closing(apsw.Connection(str(tmp_path / "a.db"))) as writing,
    ):
        rows = reading.execute("SELECT * FROM ping_results")
        assert next(rows)
        with pytest.raises(apsw.BusyError):
            writing.execute("DELETE FROM ping_results")


def test_an_opened_file_is_read_and_never_written(tmp_path: Path) -> None:
    good(tmp_path / "a.db")
    before = sorted(each.name for each in tmp_path.iterdir())
    with contextlib.closing(open_source(tmp_path / "a.db")) as connection:
        with pytest.raises(apsw.ReadOnlyError):
            connection.execute("DELETE FROM batches")
        with pytest.raises(apsw.Error):
            connection.execute("ATTACH ? AS other", (str(tmp_path / "new.db"),))
        with pytest.raises(apsw.Error):
            connection.execute("SELECT load_extension('x')")
    assert sorted(each.name for each in tmp_path.iterdir()) == before
