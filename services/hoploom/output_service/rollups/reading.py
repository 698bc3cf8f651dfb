"""Takes batches from the store as columns: each column of a batch comes out of SQLite as one text.

So SQLite works through a batch in one step without Python's lock, and whoever stores batches meanwhile is not held up
row by row.
"""

from __future__ import annotations

from collections.abc import Iterable
from socket import AF_INET6, inet_pton
from typing import Any, Final, NamedTuple

import apsw
import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import Unavailable
from hoploom.output_service.files import Files
from hoploom.output_service.rollups.batches import NONE, Pings, StoredBatch, Traces
from hoploom.wire.addresses import MAPPED_PREFIX, WIDTH

MOST_BATCHES: Final = 1000
_IPV4, _IPV4_BYTES, _US_PER_MS = 4, 4, 1000
_NOBODY: Final = {4: "0.0.0.0", 6: "::"}
_SEPARATOR: Final = {4: ".", 6: ","}
_BATCHES: Final = """
SELECT seq, kind, campaign, campaign_number, measurement, worker, family, started_at_us + clock_offset_us,
  received_at_us, suspect, result_rows, hop_rows, first_row, first_hop
FROM batches JOIN locations USING (seq) WHERE seq > ? ORDER BY seq LIMIT ?
"""
_PINGS: Final = (
    "outcome",
    "sent",
    "received",
    f"coalesce(rtt_us, {NONE})",
    f"coalesce(rtt_min_us, rtt_us, {NONE})",
    f"coalesce(rtt_max_us, rtt_us, {NONE})",
    "at_ms",
)
_TRACES: Final = ("outcome", "sent", f"coalesce(joined_ttl, {NONE})", f"coalesce(distance, {NONE})", "hops", "at_ms")
_HOPS: Final = ("ttl", f"coalesce(rtt_us, {NONE})", f"coalesce(icmp_type, {NONE})", "at_ms")
Column = NDArray[np.int64]


class _Head(NamedTuple):
    """A batch, and where its rows lie; the order is that of `_BATCHES`."""

    seq: int
    kind: str
    campaign: str
    campaign_number: int
    measurement: int
    worker: str
    family: int
    began_us: int
    received_at_us: int
    suspect: int
    rows: int
    hops: int
    first_row: int
    first_hop: int


class Following(NamedTuple):
    """What comes after a batch.

    Attributes:
        batches: Some of it, in the order of `seq`, without those that count for nothing.
        upto: The batch up to which that is; where nothing follows, the one that was asked about.
    """

    batches: list[StoredBatch]
    upto: int


def following(files: Files, after: int, most_rows: int) -> Following:
    """The next batches of a store.

    Args:
        files: The store's.
        after: The batch before them, by its `seq`.
        most_rows: So many rows, or one batch.

    Raises:
        Unavailable: A file cannot be read now.
    """
    number, readable = files.number_of(after + 1), files.numbers()
    if number not in readable:
        # Pruned: what is gone is not counted, and what follows is.
        later = min(each for each in readable if each > number)
        return Following([], files.first_seq(later) - 1)
    try:
        with files.opened(number) as connection:
            found = _read(connection, after, most_rows)
    except apsw.Error as error:
        raise Unavailable(f"the database cannot be read now: {error}") from error
    if found.upto == after and number != files.live:
        return Following([], files.stop_seq(number) - 1)
    return found


def _read(connection: apsw.Connection, after: int, most_rows: int) -> Following:
    with connection:
        heads = _page(map(_Head._make, connection.execute(_BATCHES, (after, MOST_BATCHES))), most_rows)
        batches = [_batch(connection, each) for each in heads if each.rows and not each.suspect]
    return Following(batches, heads[-1].seq if heads else after)


def _page(heads: Iterable[_Head], most_rows: int) -> list[_Head]:
    found: list[_Head] = []
    rows = 0
    for each in heads:
        rows += each.rows + each.hops
        if found and rows > most_rows:
            break
        found.append(each)
    return found


def _batch(connection: apsw.Connection, head: _Head) -> StoredBatch:
    return StoredBatch(
        seq=head.seq,
        campaign=head.campaign,
        campaign_number=head.campaign_number,
        measurement=head.measurement,
        worker=head.worker,
        family=head.family,
        received_at_us=head.received_at_us,
        rows=_traces(connection, head) if head.kind == "trace" else _pings(connection, head),
    )


def _pings(connection: apsw.Connection, head: _Head) -> Pings:
    where = f"ping_results WHERE rowid BETWEEN {head.first_row} AND {head.first_row + head.rows - 1}"
    (address,), columns = _columns(connection, where, ("address",), _PINGS, head)
    outcome, sent, received, rtt_us, least_us, most_us, at_ms = columns
    return Pings(address, outcome, sent, received, rtt_us, least_us, most_us, _moments(head, at_ms))


def _traces(connection: apsw.Connection, head: _Head) -> Traces:
    where = f"traceroutes WHERE rowid BETWEEN {head.first_row} AND {head.first_row + head.rows - 1}"
    (address,), (outcome, sent, joined_ttl, distance, hops, at_ms) = _columns(
        connection, where, ("address",), _TRACES, head
    )
    where = f"traceroute_hops WHERE rowid BETWEEN {head.first_hop} AND {head.first_hop + head.hops - 1}"
    name = f"coalesce(hop, '{_NOBODY[head.family]}')"
    (hop_address,), (ttl, rtt_us, icmp_type, hop_at_ms) = _columns(connection, where, (name,), _HOPS, head)
    hop_address[rtt_us == NONE] = 0
    target = np.repeat(np.arange(head.rows), hops)
    if len(target) != len(ttl):
        raise Unavailable(f"the traceroutes of batch {head.seq} do not have the hops that they say")
    at_us, hop_at_us = _moments(head, at_ms), _moments(head, hop_at_ms)
    return Traces(
        address, outcome, sent, joined_ttl, distance, at_us, target, ttl, hop_address, rtt_us, icmp_type, hop_at_us
    )


def _columns(
    connection: apsw.Connection, where: str, addresses: Iterable[str], numbers: Iterable[str], head: _Head
) -> tuple[list[NDArray[np.uint8]], list[Column]]:
    """Columns of addresses and of numbers of the rows of one batch, in the order of the rows."""
    separator = _SEPARATOR[head.family]
    wanted = [f"group_concat({each}, '{separator}')" for each in addresses]
    count = len(wanted)
    wanted += [f"group_concat({each})" for each in numbers]
    # The rows are walked in their order; nothing in this query gives SQLite a reason for another.
    texts = connection.execute(f"SELECT {', '.join(wanted)} FROM {where}").fetchall()[0]
    found = [_addresses(str(each or ""), head.family) for each in texts[:count]]
    return found, [_numbers(str(each or ""), np.int64, ",") for each in texts[count:]]


def _addresses(text: str, family: int) -> NDArray[np.uint8]:
    """(n, 16) bytes of addresses with separators between them."""
    if family == _IPV4:
        quads = _numbers(text, np.uint8, ".").reshape(-1, _IPV4_BYTES)
        found = np.empty((len(quads), WIDTH), np.uint8)
        found[:, : len(MAPPED_PREFIX)] = np.frombuffer(MAPPED_PREFIX, np.uint8)
        found[:, len(MAPPED_PREFIX) :] = quads
        return found
    packed = b"".join(inet_pton(AF_INET6, each) for each in text.split(",")) if text else b""
    return np.frombuffer(bytearray(packed), np.uint8).reshape(-1, WIDTH)


def _numbers(text: str, kind: Any, separator: str) -> NDArray[Any]:
    found: NDArray[Any] = np.fromstring(text, kind, sep=separator) if text else np.zeros(0, kind)
    return found


def _moments(head: _Head, at_ms: Column) -> Column:
    """Microseconds since 1970; nothing was probed after it came, whatever the worker's clock says."""
    return np.clip(head.began_us + at_ms * _US_PER_MS, 0, head.received_at_us)
