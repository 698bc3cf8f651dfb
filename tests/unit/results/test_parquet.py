"""The Parquet files of a data set hold its rows, each once, where readers look for them."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import duckdb
import pytest

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.results import parquet_compaction
from hoploom.results.data_set import DataSet
from hoploom.results.parquet import export_new
from hoploom.results.parquet_cursor import Cursor
from hoploom.results.tables import TABLES
from hoploom.wire.columns import MAX_INT
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced

DAY_US = 86_400_000_000
Row = tuple[Any, ...]


def merged(tmp_path: Path, *batches: Any) -> apsw.Connection:
    return apsw.Connection(str(write(tmp_path / "merged.db", STORE, batches)))


def more(connection: apsw.Connection, tmp_path: Path, *batches: Any) -> None:
    """Put further batches behind the rows that are there, as a merge does."""
    source = write(tmp_path / f"more{batches[0].batch}.db", STORE, batches, first_seq=1000)
    connection.execute("ATTACH ? AS more", (str(source),))
    for table in TABLES:
        connection.execute(f"INSERT INTO {table} SELECT * FROM more.{table}")
    connection.execute("DETACH more")


def read(folder: Path, select: str = "*", table: str = "ping_results", tail: str = "") -> list[Row]:
    """What a reader finds who knows nothing of us but the names of the folders."""
    with duckdb.connect() as reader:
        source = f"read_parquet('{folder}/{table}/*/*/*.parquet', hive_types_autocast = false)"
        rows: Sequence[Row] = reader.execute(f"SELECT {select} FROM {source} {tail}").fetchall()
    return list(rows)


def test_a_row_of_pings_says_all_that_its_batch_says(tmp_path: Path) -> None:
    connection, folder = merged(tmp_path, make(1, suspect=True)), tmp_path / "parquet"
    assert export_new(connection, folder)[:2] == (6, 1)
    assert folder.joinpath("ping_results/campaign=first-map/day=2023-11-14").is_dir()
    names = ("campaign, day, worker, worker_number, worker_group, round, batch, family, suspect, address, outcome, "
             "sent, received, duplicates, rtt_us, rtt_min_us, rtt_max_us, reply_ttl, icmp_type, icmp_code, icmp_from")
    assert read(folder, names, tail="WHERE address = '10.0.0.7'") == [
        ("first-map", "2023-11-14", "pi-7", 2_000_000_003, "pi-7", 0, "00000001-0000-4000-8000-000000000000", 4, True,
         "10.0.0.7", "answered", 1, 1, 0, 101, None, None, 64, None, None, None)
    ]  # fmt: skip
    # The batch began at ...:20 by a clock that was two seconds behind; a request left every 250 us.
    began = datetime.datetime(2023, 11, 14, 22, 13, 22)
    assert read(folder, "probed_at, outcome", tail="ORDER BY ALL") == [
        (began + datetime.timedelta(milliseconds=ms), outcome)
        for ms, outcome in (*[(0, "answered")] * 3, (0, "lost"), (1, "answered"), (1, "lost"))
    ]


def test_rows_of_clocks_that_no_calendar_has_are_on_its_first_and_last_day(tmp_path: Path) -> None:
    wild = [make(1, started_at_us=-MAX_INT + 1), make(2, started_at_us=MAX_INT - 1)]
    assert export_new(merged(tmp_path, *wild), tmp_path / "parquet").rows == 12
    assert read(tmp_path / "parquet", "DISTINCT day, year(probed_at)", tail="ORDER BY ALL") == [
        ("0001-01-01", 1), ("9999-12-31", 9999),
    ]  # fmt: skip


def test_traceroutes_and_hops_have_files_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "parquet"
    assert export_new(merged(tmp_path, traced(1)), folder)[:2] == (15, 2)
    assert read(folder, "address, outcome, sent, joined_ttl, distance, hops", "traceroutes")[1:] == [
        ("10.0.0.4", "reached", 5, 1, 4, 4),
        ("10.0.0.5", "gap", 5, None, None, 4),
    ]
    names = "address, ttl, hop, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, mpls"
    assert read(folder, names, "traceroute_hops")[:3] == [
        ("10.0.0.3", 1, "11.0.0.1", 1000, 60, 1, 11, 0, None),
        ("10.0.0.3", 2, None, None, None, None, None, None, None),
        ("10.0.0.3", 3, "11.0.0.3", 1002, 60, 1, 11, 0, "24001:0:0:1 16:0:1:254"),
    ]


def test_only_what_is_new_is_written_and_a_set_that_was_removed_is_written_anew(tmp_path: Path) -> None:
    connection, folder = merged(tmp_path, make(1)), tmp_path / "parquet"
    written = [export_new(connection, folder)[0], export_new(connection, folder)[0]]
    more(connection, tmp_path, make(2), traced(9))
    written.append(export_new(connection, folder)[0])
    (folder / "ping_results").rename(tmp_path / "removed")
    written.append(export_new(connection, folder)[0])
    assert written == [6, 0, 21, 12]
    assert len(set(read(folder, "address"))) == len(read(folder)) == 12


class Killed(BaseException):
    """No program sees it coming."""


def killed(monkeypatch: pytest.MonkeyPatch, connection: apsw.Connection, folder: Path) -> None:
    """An export that is killed when the files of its first slice are there, and this is not noted yet."""

    def passed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Cursor, "passed", passed)
        export_new(connection, folder, slice_rows=4)


def test_a_set_that_was_removed_is_written_anew_though_that_is_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, folder = merged(tmp_path, make(1), make(2)), tmp_path / "parquet"
    export_new(connection, folder)
    (folder / "ping_results").rename(tmp_path / "removed")
    killed(monkeypatch, connection, folder)
    export_new(connection, folder)
    assert len(set(read(folder, "address"))) == len(read(folder)) == 12


def test_rows_that_belong_to_another_day_after_a_slice_was_broken_off_are_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, folder = merged(tmp_path, make(1)), tmp_path / "parquet"
    killed(monkeypatch, connection, folder)
    connection.execute("UPDATE batches SET clock_offset_us = clock_offset_us + ?", (DAY_US,))
    export_new(connection, folder)
    assert len(set(read(folder, "address"))) == len(read(folder)) == 6


def test_days_campaigns_and_slices_have_files_of_their_own(tmp_path: Path) -> None:
    late = make(3, started_at_us=1_700_000_000_000_000 + DAY_US)
    connection, folder = merged(tmp_path, make(1), make(2, campaign="other"), late), tmp_path / "parquet"
    assert export_new(connection, folder, slice_rows=4)[:2] == (18, 6)
    found = sorted(str(path.relative_to(folder / "ping_results")) for path in folder.rglob("*.parquet"))
    assert found == [
        f"{partition}/rows-{above:015}-{min(above + 4, 18):015}-g0.parquet"
        for partition, above in (
            *(("campaign=first-map/day=2023-11-14", above) for above in (0, 4)),
            *(("campaign=first-map/day=2023-11-15", above) for above in (12, 16)),
            *(("campaign=other/day=2023-11-14", above) for above in (4, 8)),
        )
    ]
    assert len(read(folder)) == len(set(read(folder, "address"))) == 18


@pytest.fixture
def four_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_compaction, "FILES", 4)


@pytest.mark.usefixtures("four_are_many")
def test_small_files_become_one_and_keep_the_order_of_their_rows(tmp_path: Path) -> None:
    connection, folder = merged(tmp_path, make(0, rows=8)), tmp_path / "parquet"
    assert export_new(connection, folder, slice_rows=2)[:2] == (8, 4)
    names = [[path.name for path in folder.rglob("*.parquet")]]
    in_order = connection.execute("SELECT address FROM ping_results ORDER BY rowid").fetchall()
    assert read(folder, "address") == in_order
    more(connection, tmp_path, make(9, rows=6))
    export_new(connection, folder, slice_rows=2)
    names.append([path.name for path in folder.rglob("*.parquet")])
    assert names == [["rows-000000000000000-000000000000008-g1.parquet"],
                     ["rows-000000000000000-000000000000014-g2.parquet"]]  # fmt: skip
    assert len(read(folder)) == len(set(read(folder, "address"))) == 14
    assert not list(tmp_path.glob("parquet.*"))


@pytest.mark.usefixtures("four_are_many")
@pytest.mark.parametrize(
    ("name", "value"),
    [("parquet_files._EXCHANGE", 1 << 30), ("parquet_compaction.LARGE_BYTES", 100)],
    ids=["where the file system cannot exchange folders", "where they are large"],
)
def test_files_are_left_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    monkeypatch.setattr(f"hoploom.results.{name}", value)
    folder = tmp_path / "parquet"
    export_new(merged(tmp_path, make(0, rows=8)), folder, slice_rows=2)
    assert len(list(folder.rglob("*.parquet"))) == 4
    assert len(read(folder)) == 8


def test_files_that_are_ahead_of_merged_db_are_not_added_to(tmp_path: Path) -> None:
    folder, older = tmp_path / "parquet", tmp_path / "older"
    older.mkdir()
    export_new(merged(tmp_path, make(1), make(2)), folder)
    with pytest.raises(ConfigError, match="remove the folder, and it is written anew"):
        export_new(merged(older, make(1)), folder)


def test_rows_without_their_batch_are_refused(tmp_path: Path) -> None:
    connection = merged(tmp_path, make(1))
    connection.execute("DELETE FROM batches")
    with pytest.raises(ConfigError, match="rows of ping_results have no batch"):
        export_new(connection, tmp_path / "parquet")


def test_a_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be used"):
        export_new(merged(tmp_path, make(1)), tmp_path / "file" / "parquet")


def test_a_data_set_writes_what_it_took(tmp_path: Path) -> None:
    data_set = DataSet.open(tmp_path / "set", "ours")
    data_set.take(write(tmp_path / "a.db", STORE, [make(1), make(2)]))
    assert data_set.write_parquet()[:2] == (12, 1)
    assert len(read(tmp_path / "set" / "parquet")) == 12
    data_set.close()


def test_a_data_set_that_takes_no_note_of_its_files_is_said_in_a_sentence(tmp_path: Path) -> None:
    with contextlib.closing(DataSet.open(tmp_path / "set", "main")) as data_set:
        data_set.take(write(tmp_path / "dump.db", STORE, [make(1)]))
        data_set._connection.pragma("query_only", 1)
        with pytest.raises(ConfigError, match=r"merged\.db"):
            data_set.write_parquet()
