"""Results as one Parquet file."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import apsw
import duckdb
import pytest

from hoploom.results.formats import parquet_table
from hoploom.results.formats.flat import COLUMNS, flat
from hoploom.results.reading import groups
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced


def read(path: Path, out: io.BytesIO) -> tuple[list[tuple[str, str]], list[tuple[object, ...]]]:
    path.write_bytes(out.getvalue())
    with duckdb.connect() as reader:
        found = reader.execute(f"SELECT * FROM '{path}'")
        return [(str(each[0]), str(each[1])) for each in found.description or []], found.fetchall()


def test_it_holds_the_rows_of_the_table_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_table, "_GROUP_ROWS", 7)
    connection = apsw.Connection(str(write(tmp_path / "a.db", STORE, [make(1), traced(2)])))
    out = io.BytesIO()
    parquet_table.write(groups(connection), out)
    columns, rows = read(tmp_path / "a.parquet", out)
    epoch = datetime.datetime(1970, 1, 1)
    assert [name for name, _ in columns] == [each.name for each in COLUMNS]
    assert rows == [
        (*row[:9], epoch + datetime.timedelta(milliseconds=row[9]), *row[10:]) for row in flat(groups(connection))
    ]


def test_nothing_is_a_file_with_the_columns(tmp_path: Path) -> None:
    out = io.BytesIO()
    parquet_table.write([], out)
    columns, rows = read(tmp_path / "a.parquet", out)
    assert (len(columns), rows) == (len(COLUMNS), [])
