"""Rows of batches as files of results have them, from a place on: for whoever writes them in another form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple

import apsw

from hoploom.output_service.cursors import Place
from hoploom.results.reading import PROTOCOL
from hoploom.results.rows import BatchHead, Group, HopRow, PingRow, TraceRow

_MOST_US: Final = 2**62
_HEAD: Final = tuple(each.name for each in fields(BatchHead))
# A batch that came before a moment holds nothing that was probed after it.
_BATCHES: Final = f"""
SELECT first_row, first_hop, {", ".join(_HEAD)} FROM batches JOIN locations USING (seq)
WHERE seq >= :seq AND (:measurement = 0 OR measurement = :measurement) AND (:suspect OR suspect = 0)
  AND (:kind = '' OR kind = :kind) AND (:campaign = '' OR campaign = :campaign)
  AND (:worker = '' OR worker = :worker) AND (:family = 0 OR family = :family)
  AND received_at_us >= :start_us AND started_at_us + clock_offset_us < :stop_us
  AND (:probes = '' OR worker_number IN (SELECT value FROM json_each(:probes)))
ORDER BY seq
"""
_PINGS: Final = """
SELECT rowid, address, outcome, sent, received, duplicates, rtt_us, coalesce(rtt_min_us, rtt_us),
  coalesce(rtt_max_us, rtt_us), reply_ttl, icmp_type, icmp_code, icmp_from, at_ms
FROM ping_results WHERE rowid BETWEEN :begin AND :last ORDER BY rowid
"""
# The hops of a batch lie in the order of its traceroutes.
_TRACES: Final = """
SELECT * FROM (SELECT rowid AS row, sum(hops) OVER (ORDER BY rowid) - hops AS before, hops, address, outcome, sent,
    joined_ttl, distance, at_ms FROM traceroutes WHERE rowid BETWEEN :first AND :last)
WHERE row >= :begin ORDER BY row
"""
_HOPS: Final = """
SELECT ttl, hop, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, mpls, at_ms FROM traceroute_hops
WHERE rowid BETWEEN ? AND ? ORDER BY rowid
"""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Batches that are wanted; what is 0 or empty wants all.

    Attributes:
        measurement: Number of the measurement.
        campaign: Id of the campaign.
        kind: `ping` or `trace`.
        worker: Name of the worker.
        family: 4 or 6.
        start_us: Only what came at this moment or later, UTC microseconds since 1970.
        stop_us: Only what was begun before.
        probes: Numbers of the workers.
        suspect: Whether those are wanted too that their worker distrusted itself.
    """

    measurement: int = 0
    campaign: str = ""
    kind: str = ""
    worker: str = ""
    family: int = 0
    start_us: int = 0
    stop_us: int = _MOST_US
    probes: tuple[int, ...] = ()
    suspect: bool = False

    def values(self, seq: int) -> dict[str, Any]:
        """As SQL gets them."""
        return {**vars(self), "probes": json.dumps(self.probes) if self.probes else "", "seq": seq}


class Stored(NamedTuple):
    """A batch and where its rows lie.

    Attributes:
        first_row: Number of its first row.
        first_hop: Number of its first hop.
        head: What its rows share.
    """

    first_row: int
    first_hop: int
    head: BatchHead

    def behind(self, row: int) -> Place:
        """The place behind a row."""
        following = row + 1 - self.first_row
        is_last = following == self.head.result_rows
        return Place(self.head.seq + 1) if is_last else Place(self.head.seq, following)


def batches(connection: apsw.Connection, wanted: Wanted, seq: int) -> Iterator[Stored]:
    """Wanted batches from one on."""
    for first_row, first_hop, *head in connection.execute(_BATCHES, wanted.values(seq)):
        yield Stored(first_row, first_hop, BatchHead(*head))


def rows(connection: apsw.Connection, batch: Stored, begin: int) -> Iterator[tuple[int, PingRow | TraceRow]]:
    """The rows of a batch from one on, each with its number."""
    return (_traces if batch.head.kind == "trace" else _pings)(connection, batch, begin)


def protocol(connection: apsw.Connection, batch: Stored) -> str:
    """What was sent, as `Group.protocol` says it."""
    if batch.head.kind != "trace":
        return "icmp"
    return str(connection.execute(PROTOCOL, (batch.first_hop, batch.head.hop_rows)).get or "")


def alone(batch: Stored, row: PingRow | TraceRow, protocol: str) -> Group:
    """One row as a group of its own."""
    return Group(batch.head, iter((row,)), protocol)


def _pings(connection: apsw.Connection, batch: Stored, begin: int) -> Iterator[tuple[int, PingRow | TraceRow]]:
    last = batch.first_row + batch.head.result_rows - 1
    for row, *values in connection.execute(_PINGS, {"begin": begin, "last": last}):
        yield row, PingRow(*values)


def _traces(connection: apsw.Connection, batch: Stored, begin: int) -> Iterator[tuple[int, PingRow | TraceRow]]:
    bounds = {"first": batch.first_row, "last": batch.first_row + batch.head.result_rows - 1, "begin": begin}
    found: Iterator[tuple[Any, ...]] = connection.execute(_TRACES, bounds)
    for row, before, count, address, outcome, sent, joined_ttl, distance, at_ms in found:
        start = batch.first_hop + before
        hops = tuple(HopRow(*hop) for hop in connection.execute(_HOPS, (start, start + count - 1)))
        yield row, TraceRow(address, outcome, sent, joined_ttl, distance, hops, at_ms)
