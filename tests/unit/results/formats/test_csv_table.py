"""Results as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from hoploom.results.formats import csv_table
from hoploom.results.reading import groups
from hoploom.wire.columns import MAX_INT
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced


def test_rows_are_read_back_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "_CHUNK_ROWS", 4)
    connection = apsw.Connection(str(write(tmp_path / "a.db", STORE, [make(1), traced(2)])))
    out = io.BytesIO()
    csv_table.write(groups(connection), out)
    found = list(csv.DictReader(io.StringIO(out.getvalue().decode("utf-8"))))
    names = ("kind", "suspect", "probed_at", "address", "outcome", "rtt_us", "ttl", "hop")
    picked = [tuple(row[name] for name in names) for row in found]
    assert (len(picked), out.getvalue().count(b"\n"), b"\r" in out.getvalue()) == (18, 19, False)
    assert picked[1] == ("ping", "0", "2023-11-14T22:13:22.000Z", "10.0.0.7", "answered", "101", "", "")
    assert picked[2] == ("ping", "0", "2023-11-14T22:13:22.000Z", "10.0.0.8", "lost", "", "", "")
    assert picked[7] == ("trace", "0", "2023-11-14T22:13:22.000Z", "10.0.0.6", "reached", "", "2", "")


def test_times_that_no_calendar_has_stand_at_its_edges(tmp_path: Path) -> None:
    wild = [make(1, 1, started_at_us=-MAX_INT + 1), make(2, 1, started_at_us=MAX_INT - 1)]
    connection, out = apsw.Connection(str(write(tmp_path / "a.db", STORE, wild))), io.BytesIO()
    connection.execute("UPDATE batches SET received_at_us = 1700000000000000")
    csv_table.write(groups(connection), out)
    times = [row["probed_at"] for row in csv.DictReader(io.StringIO(out.getvalue().decode()))]
    assert times == ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"]


def test_nothing_is_a_line_of_names(tmp_path: Path) -> None:
    out = io.BytesIO()
    csv_table.write([], out)
    assert out.getvalue().startswith(b"kind,campaign,worker,") and out.getvalue().count(b"\n") == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=HYPERLINK(\"x\")"])
def test_no_text_is_a_formula(tmp_path: Path, text: str) -> None:
    every = iter(groups(apsw.Connection(str(write(tmp_path / "a.db", STORE, [make(1, 1)])))))
    group = next(every)
    hostile = group._replace(batch=replace(group.batch, campaign=text, worker=text))
    (row,) = csv.DictReader(io.StringIO(csv_table.HEADING + csv_table.text([hostile]), newline=""))
    assert (row["campaign"], row["worker"]) == (f"'{text}", f"'{text}")


def test_few_batches_are_the_same_lines(tmp_path: Path) -> None:
    path, out = str(write(tmp_path / "a.db", STORE, [make(1), traced(2)])), io.BytesIO()
    csv_table.write(groups(apsw.Connection(path)), out)
    assert csv_table.HEADING + csv_table.text(groups(apsw.Connection(path))) == out.getvalue().decode()
