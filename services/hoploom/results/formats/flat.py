"""Results as one table: a row a ping, a row a hop of a traceroute, each with all that its batch says. Pure.

`kind` tells them apart. What a traceroute says of itself stands in each row of it, and in the one row of a traceroute
that has no hops, where `ttl` is absent. Smallest and largest RTT stand here too where they are the same as the mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from hoploom.results.parquet_columns import TIME, Column
from hoploom.results.rows import BatchHead, Group, HopRow, PingRow, TraceRow
from hoploom.results.tables import PING_OUTCOMES, TRACE_OUTCOMES

_US_PER_MS: Final = 1_000
_NO_HOP: Final = HopRow(*[None] * len(HopRow._fields))  # type: ignore[arg-type]
Row = tuple[Any, ...]

COLUMNS: Final = (
    *(Column(name, "VARCHAR") for name in ("kind", "campaign", "worker")),
    Column("worker_number", "BIGINT"),
    Column("worker_group", "VARCHAR"),
    Column("round", "BIGINT"),
    Column("batch", "VARCHAR"),
    Column("family", "SMALLINT"),
    Column("suspect", "BOOLEAN"),
    TIME,
    *(Column(name, "VARCHAR") for name in ("address", "outcome")),
    Column("sent", "INTEGER"),
    *(Column(name, "INTEGER", True) for name in ("received", "duplicates", "rtt_us", "rtt_min_us", "rtt_max_us")),
    *(Column(name, "SMALLINT", True) for name in ("reply_ttl", "icmp_type", "icmp_code")),
    Column("icmp_from", "VARCHAR", True),
    *(Column(name, "SMALLINT", True) for name in ("joined_ttl", "distance", "ttl")),
    Column("hop", "VARCHAR", True),
    Column("quoted_ttl", "SMALLINT", True),
    Column("mpls", "VARCHAR", True),
)
"""The table's columns; times come as milliseconds since 1970, UTC."""


def flat(groups: Iterable[Group]) -> Iterator[Row]:
    """The rows of batches, in their order."""
    for group in groups:
        head = _head(group.batch)
        for row in group.rows:
            yield from _trace(group.batch, head, row) if isinstance(row, TraceRow) else [_ping(group.batch, head, row)]


def _head(batch: BatchHead) -> Row:
    return (batch.kind, batch.campaign, batch.worker, batch.worker_number, batch.worker_group, batch.round,
            batch.batch, batch.family, bool(batch.suspect))  # fmt: skip


def _ping(batch: BatchHead, head: Row, row: PingRow) -> Row:
    return (
        *(*head, _moment_ms(batch, row.at_ms), row.address, PING_OUTCOMES[row.outcome], row.sent, row.received),
        *(row.duplicates, row.rtt_us, row.rtt_min_us, row.rtt_max_us, row.reply_ttl, row.icmp_type, row.icmp_code),
        *(row.icmp_from, None, None, None, None, None, None),
    )


def _trace(batch: BatchHead, head: Row, row: TraceRow) -> Iterator[Row]:
    for hop in row.hops or (_NO_HOP._replace(at_ms=row.at_ms),):
        yield (
            *(*head, _moment_ms(batch, hop.at_ms), row.address, TRACE_OUTCOMES[row.outcome], row.sent, None, None),
            *(hop.rtt_us, hop.rtt_us, hop.rtt_us, hop.reply_ttl, hop.icmp_type, hop.icmp_code, None),
            *(row.joined_ttl, row.distance, hop.ttl, hop.hop, hop.quoted_ttl, hop.mpls),
        )


def _moment_ms(batch: BatchHead, at_ms: int) -> int:
    return batch.moment_us(at_ms) // _US_PER_MS
