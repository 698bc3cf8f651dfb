"""Files of results made from batches."""

from __future__ import annotations

from pathlib import Path

import apsw

from hoploom.results import tables
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced


def test_a_file_holds_its_batches_and_what_it_says_of_itself(tmp_path: Path) -> None:
    connection = apsw.Connection(str(write(tmp_path / "a.db", STORE, [make(), traced(1)], first_seq=7)))
    names = ("batch_key, store, seq, kind, start, result_rows, hop_rows, answered, lost, unreachable, failed, "
             "suspect, received_at_us - started_at_us - clock_offset_us")
    assert connection.execute(f"SELECT {names} FROM batches ORDER BY seq").fetchall() == [
        (8192, STORE, 7, "ping", 0, 6, 0, 4, 2, 0, 0, 0, 1_500_000),
        (0x100004000 >> 1, STORE, 8, "trace", 3, 3, 12, 2, 1, 0, 0, 0, 1_500_000),
    ]
    assert dict(connection.execute("SELECT * FROM meta")) == {"store": STORE, "first_seq": "7", "last_seq": "8"}
    assert connection.pragma("user_version") == tables.SCHEMA


def test_its_rows_say_what_the_batches_said(tmp_path: Path) -> None:
    connection = apsw.Connection(str(write(tmp_path / "a.db", STORE, [make(), traced(1)])))
    pings = connection.execute("SELECT * FROM ping_results WHERE batch_key = 8192 LIMIT 4").fetchall()
    assert pings[1:4] == [
        (8192, "10.0.0.1", 0, 1, 1, 0, 101, None, None, 64, None, None, None, 0),
        (8192, "10.0.0.2", 1, 1, 0, 0, None, None, None, None, None, None, None, 0),
        (8192, "10.0.0.3", 0, 1, 1, 0, 103, None, None, 64, None, None, None, 0),
    ]
    key = 0x100004000 >> 1
    assert connection.execute("SELECT * FROM traceroutes").fetchall()[:2] == [
        (key, "10.0.0.3", 0, 5, None, 4, 4, 0),
        (key, "10.0.0.4", 0, 5, 1, 4, 4, 0),
    ]
    assert connection.execute("SELECT * FROM traceroute_hops").fetchall()[:3] == [
        (key, "10.0.0.3", 1, "11.0.0.1", 1000, 60, 1, 11, 0, None, 0),
        (key, "10.0.0.3", 2, None, None, None, None, None, None, None, 0),
        (key, "10.0.0.3", 3, "11.0.0.3", 1002, 60, 1, 11, 0, "24001:0:0:1 16:0:1:254", 0),
    ]
