"""The newest pings of a store, found from its end without any index on the rows.

The rows of a batch follow each other, and `locations` says where they begin; so a campaign's batches lead to its rows.
An index on the rows would cost ingest more than half of its speed.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from hoploom.results.tables import PING_OUTCOMES

_NAMES = (
    "address outcome rtt_avg_us rtt_min_us rtt_max_us sent received icmp_type icmp_code icmp_from at_us row"
).split()
_NEWEST = """
SELECT address, outcome, rtt_us, coalesce(rtt_min_us, rtt_us), coalesce(rtt_max_us, rtt_us), sent, received, icmp_type,
  icmp_code, icmp_from, ? + 1000 * at_ms, rowid
FROM ping_results WHERE rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?
"""
_BATCHES = """
SELECT first_row, result_rows, first_hop, started_at_us, worker, campaign
FROM batches CROSS JOIN locations USING (seq) WHERE kind = ? AND first_row < ?{of_campaign} ORDER BY seq DESC
"""
BATCHES = _BATCHES.format(of_campaign="")
BATCHES_OF_CAMPAIGN = _BATCHES.format(of_campaign=" AND campaign = ?")


class Place(NamedTuple):
    """Where a batch lies, and what its rows do not say."""

    first_row: int
    rows: int
    first_hop: int
    started_at_us: int
    worker: str
    campaign: str


def rows(connection: apsw.Connection, campaign: str, before: int, limit: int) -> list[dict[str, Any]]:
    """The newest rows, newest first, as the documents of `GET /api/v1/results`.

    Args:
        connection: Read-only and fresh; a transaction is begun on it, so that one snapshot is read.
        campaign: Id of the one campaign wanted; empty for all.
        before: Only rows before this one (`row` of an earlier answer).
        limit: Most rows.
    """
    connection.execute("BEGIN")
    documents: list[dict[str, Any]] = []
    for place in places(connection, "ping", campaign, before):
        last = min(before, place.first_row + place.rows) - 1
        wanted = (place.started_at_us, place.first_row, last, limit - len(documents))
        for row in connection.execute(_NEWEST, wanted):
            found = dict(zip(_NAMES, row, strict=True))
            shared = {"outcome": PING_OUTCOMES[found["outcome"]], "worker": place.worker, "campaign": place.campaign}
            documents.append({"kind": "ping", **found, **shared})
        if len(documents) >= limit:
            break
    return documents


def places(connection: apsw.Connection, kind: str, campaign: str, before: int) -> Iterator[Place]:
    """The batches with rows before a row, newest first.

    Args:
        connection: In a transaction.
        kind: Of the batches.
        campaign: Id of the one campaign wanted; empty for all.
        before: Row of the table that this kind has its targets in.
    """
    if campaign:
        yield from map(Place._make, connection.execute(BATCHES_OF_CAMPAIGN, (kind, before, campaign)))
    else:
        yield from map(Place._make, connection.execute(BATCHES, (kind, before)))
