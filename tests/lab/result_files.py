"""Files of results as an output serves them, made from batches without an output: for tests of whoever reads them.

Row by row and straight from the public tables, so that it can also stand as the slow oracle beside the store.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from hoploom.results import tables
from hoploom.wire import addresses, batch_codec
from hoploom.wire.batch import ANSWERED, FAILED, LOST, OUTCOMES, UNREACHABLE, Batch, Columns
from hoploom.wire.traces import Traces

STORE = "11111111-2222-4333-8444-555555555555"
RECEIVED_AFTER_US = 2_000_000
_AS_PING = (ANSWERED, LOST, UNREACHABLE, LOST, FAILED)
"""What the outcomes of traceroutes count as: a path that ends in silence or in a loop has lost its target."""

Row = tuple[Any, ...]


def write(path: Path, store: str, batches: Sequence[Batch], first_seq: int = 1) -> Path:
    """Make a dump.

    Args:
        path: Where; nothing may be there.
        store: UUID of the store that took the batches.
        batches: What it took, in its order.
        first_seq: Number of the first of them.

    Returns:
        The path.
    """
    connection = empty(path, store, first_seq, first_seq + len(batches) - 1)
    with connection:
        for seq, batch in enumerate(batches, first_seq):
            _insert(connection, "batches", [batch_row(batch, store, seq)])
            for table, rows in result_rows(batch).items():
                _insert(connection, table, rows)
    connection.close()
    return path


def empty(path: Path, store: str = STORE, first_seq: int = 1, last_seq: int = 0) -> apsw.Connection:
    """A dump without batches, open for writing; the caller fills and closes it."""
    connection = apsw.Connection(str(path))
    connection.pragma("synchronous", "OFF")
    for statement in (*tables.TABLES.values(), tables.BATCHES_BY_KEY, tables.META):
        connection.execute(statement)
    meta = {"store": store, "first_seq": str(first_seq), "last_seq": str(last_seq)}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.pragma("user_version", tables.SCHEMA)
    return connection


def batch_row(batch: Batch, store: str, seq: int) -> Row:
    """The row of `batches`, in the order of its columns."""
    age_us = batch.sent_monotonic_us - batch.started_monotonic_us
    received_at_us = batch.started_at_us + age_us + RECEIVED_AFTER_US
    return (
        *(batch.batch, batch_key(batch), batch_codec.digest(batch), store, seq),
        *(batch.campaign, batch.campaign_number, batch.measurement, batch.worker, batch.worker_number),
        *(batch.revision, batch.round, batch.group, batch.lease, batch.family, batch.kind, batch.start, batch.stop),
        *(len(batch.columns), _hop_count(batch), *_counts(batch), int(batch.suspect)),
        *(batch.boot_id, batch.started_at_us, RECEIVED_AFTER_US, received_at_us),
    )


def result_rows(batch: Batch) -> dict[str, Iterator[Row]]:
    """The rows of a batch by table, in the order of each table's columns."""
    if isinstance(batch.columns, Traces):
        return {"traceroutes": _traceroutes(batch, batch.columns), "traceroute_hops": _hops(batch, batch.columns)}
    return {"ping_results": _pings(batch, batch.columns)}


def batch_key(batch: Batch) -> int:
    """What the rows of a batch name it by."""
    return uuid.UUID(batch.batch).int >> 65


def _insert(connection: apsw.Connection, table: str, rows: Iterator[Row] | list[Row]) -> None:
    width = len(list(connection.execute(f"PRAGMA table_info({table})")))
    connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)


def _pings(batch: Batch, rows: Columns) -> Iterator[Row]:
    for row in range(len(rows)):
        rtt_us, least_and_most = _optional(rows.rtt_avg_us[row]), (rows.rtt_min_us[row], rows.rtt_max_us[row])
        yield (
            *(batch_key(batch), _text(rows.address[row]), int(rows.outcome[row])),
            *(int(rows.sent[row]), int(rows.received[row]), int(rows.duplicates[row]), rtt_us),
            *(None if _optional(each) == rtt_us else int(each) for each in least_and_most),
            *(_optional(each[row]) for each in (rows.reply_ttl, rows.icmp_type, rows.icmp_code)),
            *(_text(rows.icmp_from[row]), int(rows.at_us[row]) // 1000),
        )


def _traceroutes(batch: Batch, rows: Traces) -> Iterator[Row]:
    for row in range(len(rows)):
        yield (
            *(batch_key(batch), _text(rows.address[row]), int(rows.outcome[row]), int(rows.sent[row])),
            *(int(rows.joined_ttl[row]) or None, int(rows.distance[row]) or None),
            *(int(np.count_nonzero(rows.hop_target == row)), int(rows.at_us[row]) // 1000),
        )


def _hops(batch: Batch, rows: Traces) -> Iterator[Row]:
    for hop, target in enumerate(rows.hop_target.tolist()):
        values = (rows.hop_rtt_us, rows.hop_reply_ttl, rows.hop_quoted_ttl, rows.hop_icmp_type, rows.hop_icmp_code)
        entries = rows.mpls_entry[rows.mpls_hop == hop].tolist()
        stack = " ".join(f"{each >> 12}:{each >> 9 & 7}:{each >> 8 & 1}:{each & 255}" for each in entries)
        yield (
            *(batch_key(batch), _text(rows.address[target]), int(rows.hop_ttl[hop]), _text(rows.hop_address[hop])),
            *(_optional(each[hop]) for each in values),
            *(stack or None, int(rows.hop_at_us[hop]) // 1000),
        )


def _counts(batch: Batch) -> list[int]:
    """How many targets were answered, lost, unreachable and failed."""
    counts = [0] * len(OUTCOMES)
    for outcome in batch.columns.outcome.tolist():
        counts[_AS_PING[outcome] if batch.kind == "trace" else outcome] += 1
    return counts


def _hop_count(batch: Batch) -> int:
    return len(batch.columns.hop_ttl) if isinstance(batch.columns, Traces) else 0


def _optional(value: Any) -> int | None:
    return None if value < 0 else int(value)


def _text(packed: Any) -> str | None:
    return addresses.text(packed.tobytes()) or None
