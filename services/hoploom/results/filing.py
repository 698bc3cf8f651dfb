"""Writes imported batches into a new file of results, in the form in which an output serves its own.

The store that such a file names stands for its content: the same content names the same one.
"""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from hoploom.kit.errors import ConfigError
from hoploom.results import tables
from hoploom.results.imports import Imported
from hoploom.results.rows import PingRow, TraceRow
from hoploom.wire import batch_codec

_NAMESPACE: Final = uuid.UUID("8a1c2f34-6b0e-5f52-a7c9-3d6a90e1b4f7")
_KEY_SHIFT: Final = 65
_NO_STORE: Final = ""
_AS_PING: Final = (0, 1, 2, 1, 3)
"""What the outcomes of traceroutes count as: a path that ends in silence or in a loop has lost its target."""
Row = tuple[Any, ...]


class Filed(NamedTuple):
    """What a file of results holds now: the store that it names, and how much."""

    store: str
    batches: int
    rows: int


def file(path: Path, imported: Iterable[Imported], now_us: int) -> Filed:
    """Make a file of results.

    Args:
        path: Where; nothing may be there.
        imported: The batches; of two with one id, the second is left out.
        now_us: UTC microseconds since 1970.

    Returns:
        What it holds.

    Raises:
        ConfigError: It cannot be written; says why.
    """
    try:
        connection = apsw.Connection(str(path))
        with contextlib.closing(connection):
            connection.execute("BEGIN")
            filed = _fill(connection, imported, now_us)
            connection.execute("COMMIT")
    except apsw.Error as error:
        raise ConfigError(f"the file {path} cannot be written: {error}") from error
    return filed


def _fill(connection: apsw.Connection, imported: Iterable[Imported], now_us: int) -> Filed:
    for statement in (*tables.TABLES.values(), tables.BATCHES_BY_KEY, tables.META):
        connection.execute(statement)
    known: set[str] = set()
    rows, store = 0, _NAMESPACE
    for each in imported:
        if each.batch.batch not in known:
            known.add(each.batch.batch)
            store = uuid.uuid5(store, each.batch.batch)
            rows += len(each.rows)
            _insert(connection, "batches", [_batch_row(each, len(known), now_us)])
            for table, found in _rows(each).items():
                _insert(connection, table, found)
    connection.execute("UPDATE batches SET store = ?", (str(store),))
    meta = {"store": str(store), "first_seq": "1", "last_seq": str(len(known))}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    connection.pragma("user_version", tables.SCHEMA)
    return Filed(str(store), len(known), rows)


def _insert(connection: apsw.Connection, table: str, rows: Iterable[Row]) -> None:
    for row in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _batch_row(imported: Imported, seq: int, now_us: int) -> Row:
    batch = imported.batch
    counts = Counter(row.outcome if isinstance(row, PingRow) else _AS_PING[row.outcome] for row in imported.rows)
    hops = sum(len(row.hops) for row in imported.rows if isinstance(row, TraceRow))
    return (
        *(batch.batch, _key(imported), batch_codec.digest(batch), _NO_STORE, seq),
        *(batch.campaign, batch.campaign_number, batch.measurement, batch.worker, batch.worker_number),
        *(batch.revision, batch.round, batch.group, batch.lease, batch.family, batch.kind, batch.start, batch.stop),
        *(len(imported.rows), hops, *(counts[outcome] for outcome in range(len(tables.PING_OUTCOMES)))),
        *(int(batch.suspect), batch.boot_id, batch.started_at_us, 0, now_us),
    )


def _rows(imported: Imported) -> dict[str, Iterator[Row]]:
    """The rows of each table, in the order of its columns."""
    key, started_ms = _key(imported), imported.batch.started_at_us // 1000
    pings = (row for row in imported.rows if isinstance(row, PingRow))
    traces = [row for row in imported.rows if isinstance(row, TraceRow)]
    return {
        "ping_results": ((key, *_ping(row, started_ms)) for row in pings),
        "traceroutes": ((key, *row[:5], len(row.hops), row.at_ms - started_ms) for row in traces),
        "traceroute_hops": (
            (key, row.address, *hop[:-1], hop.at_ms - started_ms) for row in traces for hop in row.hops
        ),
    }


def _ping(row: PingRow, started_ms: int) -> Row:
    extremes = (None if each == row.rtt_us else each for each in (row.rtt_min_us, row.rtt_max_us))
    address, outcome, sent, received, duplicates, rtt_us, _, _, *rest, at_ms = row
    return (address, outcome, sent, received, duplicates, rtt_us, *extremes, *rest, at_ms - started_ms)


def _key(imported: Imported) -> int:
    """What the rows name their batch by."""
    return uuid.UUID(imported.batch.batch).int >> _KEY_SHIFT
