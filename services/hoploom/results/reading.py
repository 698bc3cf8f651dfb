"""Reads a file of results batch by batch: a dump, or the merged.db of a data set.

Rows come in the order in which they lie in the file, a few at a time, so that a file of any size takes the same
memory. What the writers of other formats get is made here and nowhere else, and judged: the file may be a stranger's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network
from itertools import groupby, islice
from operator import itemgetter
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final, TypeVar

import apsw

from hoploom.kit.errors import ConfigError
from hoploom.results.batch_rules import fault
from hoploom.results.row_rules import BOTH, MPLS_PATTERN, RULES
from hoploom.results.rows import BatchHead, Group, HopRow, PingRow, TraceRow
from hoploom.results.tables import RESULT_TABLES
from hoploom.wire import addresses

_US_PER_MS: Final = 1_000
_IPV4: Final = 4
_MAPPED_BITS: Final = 96
Row = tuple[Any, ...]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which rows are read.

    Attributes:
        campaign: Id of the one campaign; empty for all.
        kind: `ping` or `trace`; empty for both.
        since_us: Only what was probed at this moment or later, UTC microseconds since 1970; None for all times.
        prefix: Only targets inside; None for all.
        suspect: Also batches whose worker believed that its own uplink was dead.
    """

    campaign: str = ""
    kind: str = ""
    since_us: int | None = None
    prefix: IPv4Network | IPv6Network | None = None
    suspect: bool = True


EVERYTHING: Final = Wanted()

_HEAD_NAMES: Final = tuple(each.name for each in fields(BatchHead))
_HEAD: Final = ", ".join(_HEAD_NAMES)
_MPLS: Final = re.compile(MPLS_PATTERN)
# A batch that came before a moment holds nothing that was probed after it.
_BATCHES: Final = """
SELECT batch_key FROM batches WHERE kind = :kind AND (:campaign = '' OR campaign = :campaign)
  AND (:since_us IS NULL OR received_at_us >= :since_us) AND (:family IS NULL OR family = :family)
  AND (:suspect OR NOT suspect)
"""
_JUDGED: Final = {table: f"coalesce({' AND '.join(rules.values())}, 0)" for table, rules in RULES.items()}
"""Whether a row is one that a worker could have sent, as far as SQL can tell."""
_PINGS: Final = f"""
SELECT batch_key, address, outcome, sent, received, duplicates, rtt_us, coalesce(rtt_min_us, rtt_us),
  coalesce(rtt_max_us, rtt_us), reply_ttl, icmp_type, icmp_code, icmp_from, at_ms, {_JUDGED["ping_results"]}
FROM ping_results WHERE batch_key IN ({_BATCHES}) ORDER BY rowid
"""
_TRACES: Final = f"""
SELECT batch_key, address, outcome, sent, joined_ttl, distance, hops, at_ms, {_JUDGED["traceroutes"]}
FROM traceroutes WHERE batch_key IN ({_BATCHES}) ORDER BY rowid
"""
_HOPS: Final = f"""
SELECT batch_key, address, ttl, hop, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, mpls, at_ms,
  {_JUDGED["traceroute_hops"]}
FROM traceroute_hops WHERE rowid >= ? ORDER BY rowid
"""
_FIRST_HOP: Final = """
SELECT h.rowid, h.batch_key, b.hop_rows FROM traceroute_hops h LEFT JOIN batches b USING (batch_key)
WHERE h.rowid >= ? ORDER BY h.rowid LIMIT 1 OFFSET ?
"""
# A target answers an echo request by an echo reply and a datagram by saying that nobody listens there.
PROTOCOL: Final = """
SELECT CASE WHEN icmp_type IN (0, 129) THEN 'icmp' ELSE 'udp' END
FROM (SELECT address, hop, icmp_type, icmp_code FROM traceroute_hops WHERE rowid >= ? ORDER BY rowid LIMIT ?)
WHERE hop = address AND (icmp_type IN (0, 129) OR (icmp_type, icmp_code) IN (VALUES (3, 3), (1, 4))) LIMIT 1
"""
"""What a batch of traceroutes sent: asked with its first row in `traceroute_hops` and how many it has there."""


def groups(connection: apsw.Connection, wanted: Wanted = EVERYTHING) -> Iterator[Group]:
    """The batches of a file with their rows, pings first; a batch may turn out to have no row that is wanted.

    Args:
        connection: Of the file, read-only and without a transaction; one is open on it until the last group was read.
        wanted: Which rows.

    Raises:
        ConfigError: The file cannot be read, or its rows do not fit together.
    """
    return _told(connection, _all(connection, wanted))


def _all(connection: apsw.Connection, wanted: Wanted) -> Iterator[Group]:
    with connection:
        for kind in RESULT_TABLES:
            if wanted.kind in {"", kind}:
                yield from _groups(connection, kind, wanted)


def _groups(connection: apsw.Connection, kind: str, wanted: Wanted) -> Iterator[Group]:
    prefix = wanted.prefix
    asked = {"kind": kind, "campaign": wanted.campaign, "since_us": wanted.since_us, "suspect": wanted.suspect,
             "family": prefix.version if prefix else None}  # fmt: skip
    starts = _hop_starts(connection) if kind == "trace" else {}
    found = connection.execute(_TRACES if kind == "trace" else _PINGS, asked)
    for key, rows in groupby(found, key=itemgetter(0)):
        batch, protocol = _head(connection, key), "icmp"
        if kind == "trace":
            start = starts.get(key, 0)
            made = _traces(connection, batch, rows, start)
            protocol = connection.execute(PROTOCOL, (start, batch.hop_rows)).get or ""
        else:
            made = _pings(connection, batch, rows)
        yield Group(batch, _told(connection, filter(_is_wanted(batch, wanted), made)), protocol)


def _head(connection: apsw.Connection, key: int) -> BatchHead:
    found: Row = connection.execute(f"SELECT {_HEAD} FROM batches WHERE batch_key = ?", (key,)).fetchall()[0]
    if reason := fault(dict(zip(_HEAD_NAMES, found, strict=True))):
        raise ConfigError(f"{connection.filename} has a batch that no worker sends: {reason}")
    return BatchHead(*found)


def _told(connection: apsw.Connection, found: Iterator[T]) -> Iterator[T]:
    """The same, with SQLite's errors in our words; rows are read where their reader asks, so each needs it."""
    try:
        yield from found
    except apsw.Error as error:
        raise ConfigError(f"{connection.filename} cannot be read as a file of results: {error}") from error


def _pings(connection: apsw.Connection, batch: BatchHead, rows: Iterator[Row]) -> Iterator[PingRow | TraceRow]:
    for _, *values, is_good in rows:
        row = PingRow(*values)
        if not (is_good and _is_address(row.address, batch.family) and _is_sender(row.icmp_from)):
            raise _odd(connection, batch)
        yield row


def _traces(
    connection: apsw.Connection, batch: BatchHead, rows: Iterator[Row], start: int
) -> Iterator[PingRow | TraceRow]:
    """Traceroutes of one batch with their hops, which lie in the same order from the row `start`."""
    hops = iter(connection.execute(_HOPS, (start,)))
    for key, address, outcome, sent, joined_ttl, distance, count, at_ms, is_good in rows:
        if not (is_good and _is_address(address, batch.family)):
            raise _odd(connection, batch)
        own = list(islice(hops, count))
        if len(own) != count or any(hop[:2] != (key, address) for hop in own):
            raise _scattered(connection)
        path = tuple(HopRow(*hop[2:-1]) for hop in own)
        if not all(hop[-1] for hop in own) or not all(_is_hop(hop, batch.family) for hop in path):
            raise _odd(connection, batch)
        yield TraceRow(address, outcome, sent, joined_ttl, distance, path, at_ms)


def _is_hop(hop: HopRow, family: int) -> bool:
    is_labelled = hop.mpls is None or _MPLS.fullmatch(hop.mpls) is not None
    return is_labelled and (hop.hop is None or _is_address(hop.hop, family))


def _is_sender(address: str | None) -> bool:
    return address is None or any(_is_address(address, family) for family in BOTH)


def _is_address(text: str, family: int) -> bool:
    try:
        inet_pton(AF_INET if family == _IPV4 else AF_INET6, text)
    except (OSError, ValueError):
        return False
    return True


def _odd(connection: apsw.Connection, batch: BatchHead) -> ConfigError:
    return ConfigError(f"{connection.filename} has a row in batch {batch.batch} that no worker sends")


def _hop_starts(connection: apsw.Connection) -> dict[int, int]:
    """The first row of each batch in `traceroute_hops`, found by stepping over as many as each says it has."""
    starts: dict[int, int] = {}
    row, count = -(2**63), 0
    while (found := connection.execute(_FIRST_HOP, (row, count)).get) is not None:
        row, key, count = found
        if not count or key in starts:
            raise _scattered(connection)
        starts[key] = row
    return starts


def _scattered(connection: apsw.Connection) -> ConfigError:
    return ConfigError(
        f"{connection.filename} is no whole file of results: hops and traceroutes do not lie batch by batch; "
        "`hoploom merge` makes such files from dumps"
    )


def _is_wanted(batch: BatchHead, wanted: Wanted) -> Callable[[PingRow | TraceRow], bool]:
    """Whether a row of a batch is wanted by its time and its target; the batches were chosen before."""
    since_us, prefix = wanted.since_us, wanted.prefix
    begin_ms = None if since_us is None else -(-(since_us - batch.moment_us(0)) // _US_PER_MS)
    if prefix is None:
        return lambda row: begin_ms is None or row.at_ms >= begin_ms
    length = prefix.prefixlen + (_MAPPED_BITS if prefix.version == _IPV4 else 0)
    first, shift = int.from_bytes(addresses.parse(str(prefix.network_address))), 8 * addresses.WIDTH - length

    def is_wanted(row: PingRow | TraceRow) -> bool:
        inside = int.from_bytes(addresses.parse(row.address)) >> shift == first >> shift
        return inside and (begin_ms is None or row.at_ms >= begin_ms)

    return is_wanted
