"""Results as warts."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import apsw
import numpy as np
import pytest

from hoploom.results import reading
from hoploom.results.formats import warts, warts_export, warts_import
from hoploom.results.formats.warts_records import UNREACHABLE, CycleStart, CycleStop, List, Ping, Trace
from hoploom.results.rows import Group, HopRow, PingRow, TraceRow
from hoploom.wire.batch import Batch
from lab.result_files import STORE, write
from unit.wire.batches import columns, make
from unit.wire.traces import traced

BEGIN_MS = 1_700_000_002_000


def opened(tmp_path: Path, batches: Sequence[Batch]) -> apsw.Connection:
    tmp_path.mkdir(exist_ok=True)
    return apsw.Connection(str(write(tmp_path / "a.db", STORE, batches)), flags=apsw.SQLITE_OPEN_READONLY)


def written(tmp_path: Path, batches: Sequence[Batch]) -> io.BytesIO:
    out = io.BytesIO()
    warts_export.write(reading.groups(opened(tmp_path, batches)), out)
    out.seek(0)
    return out


@pytest.mark.parametrize("batches", [
    [make(rows=9)], [make(rows=9, family=6)], [traced(targets=9)], [traced(targets=9, family=6)],
    [make(rows=3), traced(1), make(2, rows=2), traced(3, family=6)],
], ids=["pings", "pings of IPv6", "traceroutes", "traceroutes of IPv6", "all of them"])  # fmt: skip
def test_rows_come_back_as_they_were(tmp_path: Path, batches: list[Batch]) -> None:
    found = [record.row for record in warts_import.read(written(tmp_path, batches), "again")]
    groups = reading.groups(opened(tmp_path / "again", batches))
    assert found == [_told(row) for group in groups for row in group.rows]


def _told(row: PingRow | TraceRow) -> PingRow | TraceRow:
    """A row as an import has it; there is no place for when a silent hop was probed, or a join at the first TTL."""
    if isinstance(row, PingRow):
        return row._replace(at_ms=row.at_ms + BEGIN_MS)
    moments = [hop.at_ms if hop.hop else row.at_ms for hop in row.hops]
    hops = (hop._replace(at_ms=at_ms + BEGIN_MS) for hop, at_ms in zip(row.hops, moments, strict=True))
    return row._replace(at_ms=row.at_ms + BEGIN_MS, joined_ttl=None, hops=tuple(hops))


def test_a_campaign_is_a_list_and_a_pass_of_a_worker_a_cycle(tmp_path: Path) -> None:
    batches = [make(1), make(2, worker="pi-8"), make(3), make(4, campaign="other", round=7)]
    marks = [each for each in warts.records(written(tmp_path, batches)) if not isinstance(each, Ping)]
    begin_s = BEGIN_MS // 1_000
    assert marks[:5] == [
        List(1, "first-map"),
        CycleStart(1, 1, begin_s, "pi-7"),
        CycleStart(2, 1, begin_s, "pi-8"),
        List(2, "other"),
        CycleStart(3, 2, begin_s, "pi-7", 7),
    ]
    assert [each.cycle_id for each in marks[5:] if isinstance(each, CycleStop)] == [1, 2, 3]


@pytest.mark.parametrize(("received", "mean", "least", "most"), [
    (1, 70, 70, 70), (2, 15, 10, 20), (2, 15, 10, 21), (3, 12, 10, 20), (4, 13, 10, 21), (5, 10, 10, 10),
    (999, 1_000, 10, 900_000),
])  # fmt: skip
def test_a_ping_of_several_replies_has_rtts_of_the_same_mean_and_extremes(
    tmp_path: Path, received: int, mean: int, least: int, most: int
) -> None:
    counts, rtts = np.full((2, 1), received, np.uint16), np.array([[mean], [least], [most]], np.int32)
    names = ("sent", "received", "rtt_avg_us", "rtt_min_us", "rtt_max_us")
    made = make(columns=dataclasses.replace(columns(1), **dict(zip(names, (*counts, *rtts), strict=True))), rows=1)
    [ping] = [each for each in warts.records(written(tmp_path, [made])) if isinstance(each, Ping)]
    found = warts_import.ping_row(ping)
    assert (found.sent, found.received, found.rtt_min_us, found.rtt_max_us) == (received, received, least, most)
    assert found.rtt_us is not None and abs(found.rtt_us - mean) <= 1


@pytest.mark.parametrize(("protocol", "method"), [("icmp", 4), ("udp", 5), ("", 4)])
def test_the_protocol_is_the_method(tmp_path: Path, protocol: str, method: int) -> None:
    head = next(reading.groups(opened(tmp_path, [traced()]))).batch
    row = TraceRow("10.0.0.9", 2, 5, 3, None, (HopRow(3, "10.0.0.3", 9, None, None, 3, 13, None, 0),), 0)
    [trace] = [each for each in warts_export.records([Group(head, iter([row]), protocol)]) if isinstance(each, Trace)]
    assert (trace.method, trace.first_ttl, trace.stop_reason, trace.stop_data) == (method, 3, UNREACHABLE, 13)
