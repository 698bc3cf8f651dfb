"""Files of results, read batch by batch."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import apsw
import pytest

from hoploom.kit.errors import ConfigError
from hoploom.results import reading
from hoploom.results.reading import Wanted
from hoploom.results.rows import HopRow, PingRow, TraceRow
from hoploom.wire.batch import Batch
from hoploom.wire.traces import Traces
from lab.result_files import STORE, empty, write
from unit.wire.batches import make
from unit.wire.traces import traced

BEGIN_US = 1_700_000_002_000_000
"""When the batches began, as their store corrected it."""


def opened(tmp_path: Path, batches: Sequence[Batch]) -> apsw.Connection:
    path = write(tmp_path / "a.db", STORE, batches)
    return apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)


def read(connection: apsw.Connection, **wanted: Any) -> list[tuple[str, list[PingRow | TraceRow]]]:
    found = reading.groups(connection, Wanted(**wanted))
    return [(group.batch.batch, list(group.rows)) for group in found]


def test_batches_come_with_what_their_rows_share(tmp_path: Path) -> None:
    group = next(reading.groups(opened(tmp_path, [make(1, worker="pi-9")])))
    assert (group.batch.worker, group.batch.kind, group.batch.seq, group.batch.store) == ("pi-9", "ping", 1, STORE)
    assert group.batch.moment_us(3) == BEGIN_US + 3_000


def test_pings_say_their_extremes_even_where_they_are_the_mean(tmp_path: Path) -> None:
    [(_, rows)] = read(opened(tmp_path, [make()]))
    assert rows[1:3] == [
        PingRow("10.0.0.1", 0, 1, 1, 0, 101, 101, 101, 64, None, None, None, 0),
        PingRow("10.0.0.2", 1, 1, 0, 0, None, None, None, None, None, None, None, 0),
    ]


def test_traceroutes_come_with_their_hops(tmp_path: Path) -> None:
    found = read(opened(tmp_path, [traced(1), make(), traced(2)]))
    assert [(batch[7], len(rows)) for batch, rows in found] == [("0", 6), ("1", 3), ("2", 3)]
    path = found[1][1][0]
    assert isinstance(path, TraceRow)
    assert (path.address, path.distance, [hop.ttl for hop in path.hops]) == ("10.0.0.3", 4, [1, 2, 3, 4])
    assert path.hops[1] == HopRow(2, None, None, None, None, None, None, None, 0)
    assert path.hops[2].mpls == "24001:0:0:1 16:0:1:254"


@pytest.mark.parametrize(
    ("family", "message", "protocol"), [(4, (0, 0), "icmp"), (6, (129, 0), "icmp"), (4, (3, 3), "udp"),
                                        (6, (1, 4), "udp"), (4, (3, 1), "")]
)  # fmt: skip
def test_the_answers_of_targets_tell_the_protocol(
    tmp_path: Path, family: int, message: tuple[int, int], protocol: str
) -> None:
    batch = traced(1, family=family)
    rows = batch.columns
    assert isinstance(rows, Traces)
    last = rows.hop_ttl == 4
    rows.hop_icmp_type[last], rows.hop_icmp_code[last] = message
    connection = opened(tmp_path, [make(rows=2), batch])
    assert [group.protocol for group in reading.groups(connection)] == ["icmp", protocol]


def test_hops_are_found_where_another_order_of_batches_put_them(tmp_path: Path) -> None:
    connection = empty(tmp_path / "merged.db")
    write(tmp_path / "a.db", STORE, [traced(1), traced(2)])
    write(tmp_path / "b.db", STORE, [traced(3)])
    for name in "ab":
        connection.execute(f"ATTACH '{tmp_path}/{name}.db' AS {name}")
    for table, names in (("batches", "ab"), ("traceroutes", "ab"), ("traceroute_hops", "ba")):
        for name in names:
            connection.execute(f"INSERT INTO {table} SELECT * FROM {name}.{table}")
    found = [row for _, rows in read(connection) for row in rows if isinstance(row, TraceRow)]
    assert [(row.address, len(row.hops)) for row in found] == [(f"10.0.0.{at}", 4) for at in range(3, 12)]


@pytest.mark.parametrize(
    ("wanted", "addresses"),
    [
        ({}, ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.6", "10.0.0.7"]),
        ({"campaign": "other"}, ["10.0.0.6", "10.0.0.7"]),
        ({"campaign": "none"}, []),
        ({"kind": "ping"}, ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ({"kind": "trace"}, ["10.0.0.6", "10.0.0.7"]),
        ({"prefix": ip_network("10.0.0.2/31")}, ["10.0.0.2", "10.0.0.3"]),
        ({"prefix": ip_network("10.0.0.1/32")}, ["10.0.0.1"]),
        ({"prefix": ip_network("0.0.0.0/0"), "kind": "trace"}, ["10.0.0.6", "10.0.0.7"]),
        ({"prefix": ip_network("::/0")}, []),
        ({"since_us": BEGIN_US + 1_000_000_000_000}, []),
        ({"since_us": BEGIN_US + 1}, ["10.0.0.3"]),
        ({"since_us": BEGIN_US + 1_000}, ["10.0.0.3"]),
        ({"since_us": BEGIN_US}, ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.6", "10.0.0.7"]),
    ],
)
def test_only_what_is_wanted_is_read(tmp_path: Path, wanted: dict[str, Any], addresses: list[str]) -> None:
    batches = [make(rows=4), traced(3, 2, campaign="other")]
    batches[0].columns.at_us[3] += 1_000
    assert [row.address for _, rows in read(opened(tmp_path, batches), **wanted) for row in rows] == addresses


BREAKAGES = {
    "a hop is missing": "DELETE FROM traceroute_hops WHERE rowid = 5",
    "a hop belongs to another target": "UPDATE traceroute_hops SET address = '10.9.9.9' WHERE rowid = 2",
    "hops lie apart": "INSERT INTO traceroute_hops SELECT * FROM traceroute_hops WHERE rowid = 1",
    "hops belong to no batch": "DELETE FROM batches WHERE seq = 2",
    "a table is missing": "DROP TABLE ping_results",
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_file_whose_rows_do_not_fit_together_is_refused_in_a_sentence(tmp_path: Path, breakage: str) -> None:
    path = write(tmp_path / "a.db", STORE, [traced(1), traced(2)])
    connection = apsw.Connection(str(path))
    connection.execute(BREAKAGES[breakage])
    with pytest.raises(ConfigError, match=r"a\.db (is no whole|cannot be read as a) file of results"):
        read(connection)


ODD = {
    "an outcome that there is not": "UPDATE ping_results SET outcome = 4 WHERE rowid = 3",
    "an outcome in words": "UPDATE ping_results SET outcome = 'lost' WHERE rowid = 3",
    "an address that is none": "UPDATE ping_results SET address = '<script>' WHERE rowid = 3",
    "an address of another family": "UPDATE ping_results SET address = '2001:db8::1' WHERE rowid = 3",
    "an address with a null in it": "UPDATE ping_results SET address = '10.0.0.1' || char(0) WHERE rowid = 3",
    "a sender that is none": "UPDATE ping_results SET icmp_from = 'me' WHERE rowid = 3",
    "a negative RTT": "UPDATE ping_results SET rtt_us = -1, rtt_min_us = NULL WHERE rowid = 1",
    "an RTT in words": "UPDATE ping_results SET rtt_us = 'soon' WHERE rowid = 1",
    "a time beyond bounds": "UPDATE ping_results SET at_ms = 1 << 62 WHERE rowid = 1",
    "a path with an odd end": "UPDATE traceroutes SET outcome = 5 WHERE rowid = 2",
    "a hop that is no address": "UPDATE traceroute_hops SET hop = 'gw' WHERE rowid = 1",
    "a hop of another family": "UPDATE traceroute_hops SET hop = '::1' WHERE rowid = 1",
    "labels that are none": "UPDATE traceroute_hops SET mpls = '1:2:x' WHERE rowid = 3",
    "a worker with a line break": "UPDATE batches SET worker = 'a' || char(10)",
    "a family that there is not": "UPDATE batches SET family = 5",
    "a clock beyond bounds": "UPDATE batches SET started_at_us = 9e18",
}


@pytest.mark.parametrize("what", ODD)
def test_what_no_worker_sends_is_refused_in_a_sentence(tmp_path: Path, what: str) -> None:
    connection = apsw.Connection(str(write(tmp_path / "a.db", STORE, [make(rows=4), traced(3)])))
    connection.execute(ODD[what])
    with pytest.raises(ConfigError, match=r"a\.db has a (batch|row in batch [0-9a-f-]+) that no worker sends"):
        read(connection)


def test_corrupt_pages_are_refused_in_a_sentence_where_rows_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", STORE, [make(rows=1024)])
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 8192)
    with pytest.raises(ConfigError, match=r"a\.db cannot be read"):
        read(apsw.Connection(str(path)))


def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    connection = opened(tmp_path, [make(number, rows=500) for number in range(10)])
    tracemalloc.start()
    try:
        rows = sum(1 for group in reading.groups(connection) for _ in group.rows)
        assert (rows, tracemalloc.get_traced_memory()[1] < 200_000) == (5_000, True)
    finally:
        tracemalloc.stop()
