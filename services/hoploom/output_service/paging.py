"""Results from a place on, in the order in which their batches came, a page at a time.

There is no index on addresses or times: rows are looked through from the place on, batch by batch. So a page is bounded
by the time that it looks, and may be empty and yet not the last. A page is read in one short transaction that is over
before anybody sends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network
from itertools import takewhile
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, Final, NamedTuple

import apsw

from hoploom.kit.errors import Conflict, Gone
from hoploom.output_service import cursors, folder
from hoploom.output_service.cursors import Place
from hoploom.output_service.queries import NOW, Query
from hoploom.output_service.store import Store
from hoploom.results.tables import PING_OUTCOMES, TRACE_OUTCOMES

PAGE_S: Final = 0.25
"""How long a page may look for results, so that many readers get their turn."""
PAGE_HOPS: Final = 5_000
"""Of all its traceroutes, some 0.8 MB of JSON; a traceroute is never cut."""
_US_PER_MS: Final = 1_000
_IPV4: Final = 4
_FAMILIES: Final = {4: AF_INET, 6: AF_INET6}

_LAST: Final = "SELECT coalesce((SELECT max(seq) FROM batches), (SELECT max(seq) FROM earlier_batches), 0)"
_BATCHES: Final = """
SELECT seq, kind, batch, worker, campaign, family, started_at_us, received_at_us - clock_offset_us, result_rows,
  first_row, first_hop, suspect
FROM batches JOIN locations USING (seq)
WHERE seq >= :seq AND (:kind = '' OR kind = :kind) AND (:campaign = '' OR campaign = :campaign)
  AND (:family IS NULL OR family = :family) AND (:worker = '' OR worker = :worker)
ORDER BY seq
"""
_WANTED: Final = """at_ms >= :since_ms AND at_ms < :until_ms AND substr(address, 1, length(:start)) = :start
  AND (:outcome IS NULL OR outcome = :outcome)"""
_PINGS: Final = f"""
SELECT rowid, address, at_ms, outcome, rtt_us, coalesce(rtt_min_us, rtt_us), coalesce(rtt_max_us, rtt_us), sent,
  received, duplicates, reply_ttl, icmp_type, icmp_code, icmp_from
FROM ping_results WHERE rowid BETWEEN :begin AND :last AND {_WANTED} ORDER BY rowid
"""
_PING_NAMES: Final = (
    "outcome rtt_avg_us rtt_min_us rtt_max_us sent received duplicates reply_ttl icmp_type icmp_code icmp_from"
).split()
# The hops of a batch lie in the order of its traceroutes.
_TRACES: Final = f"""
SELECT row, address, at_ms, before, outcome, sent, joined_ttl, distance, hops
FROM (SELECT *, rowid AS row, sum(hops) OVER (ORDER BY rowid) - hops AS before FROM traceroutes
  WHERE rowid BETWEEN :first AND :last)
WHERE row >= :begin AND {_WANTED} ORDER BY row
"""
_TRACE_NAMES: Final = "outcome sent joined_ttl distance hops".split()
_HOPS: Final = """
SELECT ttl, hop, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, ? + 1000 * at_ms, mpls FROM traceroute_hops
WHERE rowid BETWEEN ? AND ? ORDER BY rowid
"""
_HOP_NAMES: Final = "ttl hop rtt_us reply_ttl quoted_ttl icmp_type icmp_code at_us mpls".split()


class Result(NamedTuple):
    """A result as JSON says it, and the place behind it."""

    behind: Place
    document: dict[str, Any]


class Page(NamedTuple):
    """Results, and where to go on.

    Attributes:
        results: In the order of the store.
        behind: The place behind all that was looked at.
        is_end: Whether nothing is stored behind that place.
    """

    results: list[Result]
    behind: Place
    is_end: bool


Reader = Callable[[apsw.Connection, Place], Page]
Looked = Iterator[tuple[Place, dict[str, Any] | None]]


class _Batch(NamedTuple):
    """A batch, and where its rows lie; the names are those of `_BATCHES`."""

    seq: int
    kind: str
    batch: str
    worker: str
    campaign: str
    family: int
    started_at_us: int
    sent_at_us: int
    rows: int
    first_row: int
    first_hop: int
    suspect: int


async def begin(store: Store, query: Query) -> Place:
    """Where a reader begins.

    Raises:
        BadRequest: The cursor is none.
        Conflict: It is one of another store.
    """
    if query.cursor == NOW:
        return Place(await store.last_seq() + 1)
    if query.cursor:
        return cursors.place(store.uuid, query.cursor)
    return Place(store.files.first_seq(store.files.numbers()[0]))


async def page(store: Store, query: Query, place: Place) -> Page:
    """The next results: up to `query.limit`, whose cursor does not count; raises as `walked`."""
    return await walked(store, place, lambda connection, place: read(connection, query, place))


async def walked(store: Store, place: Place, reader: Reader) -> Page:
    """The next page of a store, whichever of its files has it.

    Args:
        store: Where the results are.
        place: From where on.
        reader: Gives the next page of one file; `is_end` is that of the file.

    Returns:
        Where it is not the end there may be more results, however few these are.

    Raises:
        Gone: What is at the place was pruned.
        Conflict: The store never came as far as the place.
        Unavailable: The store cannot be read now.
    """
    until = time.monotonic() + PAGE_S
    while True:
        number = store.files.number_of(place.seq)
        # Asked before it is read: what another thread begins a file after was in this one by then.
        is_last = number == store.files.live
        if number not in store.files.numbers():
            raise Gone(f"{folder.closed(number)} was pruned: begin without a cursor, with the oldest that there is")
        found = await store.ask(_placed(reader, place), number)
        if is_last and found.behind.seq < place.seq:
            raise Conflict(f"store {store.uuid} never came as far as this cursor: begin without one")
        if is_last or not found.is_end:
            return found
        place = Place(store.files.stop_seq(number))
        if found.results or time.monotonic() > until:
            return Page(found.results, place, is_end=False)


def _placed(reader: Reader, place: Place) -> Callable[[apsw.Connection], Page]:
    return lambda connection: reader(connection, place)


def read(connection: apsw.Connection, query: Query, place: Place, limit_s: float = PAGE_S) -> Page:
    """The next results of one file; `is_end` is that of the file.

    Args:
        connection: Read-only and fresh; a transaction is begun on it, so that one snapshot is read.
        query: Which results.
        place: From where on.
        limit_s: Seconds after which no further row is looked at.
    """
    return gathered(connection, _looked_through(connection, query, place), query.limit, limit_s)


def gathered(connection: apsw.Connection, looked_through: Looked, limit: int, limit_s: float = PAGE_S) -> Page:
    """A page of what is found by looking through one file.

    Args:
        connection: As for `read`.
        looked_through: Places, each with the document before it where that is wanted; not begun yet.
        limit: Most results.
        limit_s: Seconds after which it is gone on with no further.
    """
    until = time.monotonic() + limit_s
    connection.execute("BEGIN")
    last = int(connection.execute(_LAST).get)
    results: list[Result] = []
    hops = 0
    for behind, document in looked_through:
        if document:
            results.append(Result(behind, document))
            hops += len(document.get("hops", ()))
        if len(results) == limit or hops >= PAGE_HOPS or time.monotonic() > until:
            return Page(results, behind, is_end=False)
    return Page(results, Place(last + 1), is_end=True)


def _looked_through(connection: apsw.Connection, query: Query, place: Place) -> Looked:
    """Each wanted row from a place on with its document, and the end of each batch without any."""
    family = query.prefix.version if query.prefix else None
    wanted = {"seq": place.seq, "kind": query.kind, "campaign": query.campaign, "family": family,
              "worker": query.worker}  # fmt: skip
    for batch in map(_Batch._make, connection.execute(_BATCHES, wanted)):
        # The last of its probes left before it was sent, by the worker's clock as it was then.
        if batch.sent_at_us >= query.since_us and batch.started_at_us < query.until_us:
            begin = batch.first_row + (place.row if batch.seq == place.seq else 0)
            for row, document in _rows(connection, batch, begin, query):
                following = row + 1 - batch.first_row
                if following < batch.rows:
                    yield Place(batch.seq, following), document
                else:
                    yield Place(batch.seq + 1), document
        yield Place(batch.seq + 1), None


def _rows(
    connection: apsw.Connection, batch: _Batch, begin: int, query: Query
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The wanted rows of a batch from one on, each with its document."""
    asked = {
        "first": batch.first_row, "begin": begin, "last": batch.first_row + batch.rows - 1,
        "since_ms": -((batch.started_at_us - query.since_us) // _US_PER_MS),
        "until_ms": -((batch.started_at_us - query.until_us) // _US_PER_MS),
        "start": _start(query.prefix), "outcome": query.outcome_of(batch.kind),
    }  # fmt: skip
    is_wanted = is_inside(query.prefix)
    for row, address, at_ms, *values in connection.execute(_TRACES if batch.kind == "trace" else _PINGS, asked):
        if is_wanted(address):
            found = _trace(connection, batch, values) if batch.kind == "trace" else _ping(values)
            at_us = batch.started_at_us + at_ms * _US_PER_MS
            shared = {"worker": batch.worker, "campaign": batch.campaign, "batch": batch.batch, "seq": batch.seq,
                      "suspect": bool(batch.suspect)}  # fmt: skip
            yield row, {"kind": batch.kind, "address": address, **found, "at_us": at_us, **shared}


def _start(prefix: IPv4Network | IPv6Network | None) -> str:
    """What the texts of all addresses of a prefix begin with, as far as whole parts of the text go.

    In an IPv6 address, parts that are zero may be left out (RFC 5952), so it ends before the first of those.
    """
    if prefix is None:
        return ""
    if prefix.version == _IPV4:
        parts = str(prefix.network_address).split(".")[: prefix.prefixlen // 8]
        return ".".join(parts) + ("." if 0 < len(parts) < _IPV4 else "")
    parts = [f"{int(part, 16):x}" for part in prefix.network_address.exploded.split(":")[: prefix.prefixlen // 16]]
    return "".join(f"{part}:" for part in takewhile(lambda part: part != "0", parts[:7]))


def is_inside(prefix: IPv4Network | IPv6Network | None) -> Callable[[str], bool]:
    """Whether an address of the prefix's family is in it."""
    if prefix is None:
        return lambda _: True
    family, shift = _FAMILIES[prefix.version], prefix.max_prefixlen - prefix.prefixlen
    inside = int(prefix.network_address) >> shift
    return lambda address: int.from_bytes(inet_pton(family, address)) >> shift == inside


def _ping(values: list[Any]) -> dict[str, Any]:
    found = dict(zip(_PING_NAMES, values, strict=True))
    return {**found, "outcome": PING_OUTCOMES[found["outcome"]]}


def _trace(connection: apsw.Connection, batch: _Batch, values: list[Any]) -> dict[str, Any]:
    before, *rest = values
    found = dict(zip(_TRACE_NAMES, rest, strict=True))
    first = batch.first_hop + before
    hops = connection.execute(_HOPS, (batch.started_at_us, first, first + found["hops"] - 1))
    told = [dict(zip(_HOP_NAMES, hop, strict=True)) for hop in hops]
    return {**found, "outcome": TRACE_OUTCOMES[found["outcome"]], "hops": told}
