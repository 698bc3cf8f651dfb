"""The newest traceroutes of a store with their hops, found from its end without any index on the rows."""

from typing import Any

import apsw

from hoploom.output_service import latest
from hoploom.output_service.latest import Place
from hoploom.results.tables import TRACE_OUTCOMES

_NAMES = "address outcome sent joined_ttl distance hops at_us row".split()
_HOP_NAMES = "ttl hop rtt_us reply_ttl quoted_ttl icmp_type icmp_code at_us mpls".split()
_NEWEST = """
SELECT address, outcome, sent, joined_ttl, distance, hops, ? + 1000 * at_ms, rowid
FROM traceroutes WHERE rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?
"""
# The hops of a batch lie in the order of its traceroutes.
_HOPS_BEFORE = "SELECT coalesce(sum(hops), 0) FROM traceroutes WHERE rowid BETWEEN ? AND ?"
_HOPS = """
SELECT ttl, hop, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, ? + 1000 * at_ms, mpls FROM traceroute_hops
WHERE rowid >= ? ORDER BY rowid LIMIT ?
"""


def rows(connection: apsw.Connection, campaign: str, before: int, limit: int) -> list[dict[str, Any]]:
    """The newest traceroutes, newest first, as the documents of `GET /api/v1/results?kind=trace`.

    Args:
        connection: Read-only and fresh; a transaction is begun on it, so that one snapshot is read.
        campaign: Id of the one campaign wanted; empty for all.
        before: Only rows before this one (`row` of an earlier answer).
        limit: Most rows.
    """
    connection.execute("BEGIN")
    documents: list[dict[str, Any]] = []
    for place in latest.places(connection, "trace", campaign, before):
        last = min(before, place.first_row + place.rows) - 1
        documents += of_batch(connection, place, last, limit - len(documents))
        if len(documents) >= limit:
            break
    return documents


def of_batch(connection: apsw.Connection, place: Place, last: int, limit: int) -> list[dict[str, Any]]:
    """The newest traceroutes of a batch with their hops.

    Args:
        connection: In a transaction.
        place: Where the batch lies.
        last: Only rows up to this one.
        limit: Most of them.
    """
    wanted = (place.started_at_us, place.first_row, last, limit)
    found = [dict(zip(_NAMES, row, strict=True)) for row in connection.execute(_NEWEST, wanted)]
    if not found:
        return []
    before = int(str(connection.execute(_HOPS_BEFORE, (place.first_row, found[-1]["row"] - 1)).get))
    count = sum(each["hops"] for each in found)
    read = connection.execute(_HOPS, (place.started_at_us, place.first_hop + before, count))
    hops = (dict(zip(_HOP_NAMES, row, strict=True)) for row in read)
    for each in reversed(found):
        each["hops"] = [next(hops) for _ in range(each["hops"])]
    shared = {"worker": place.worker, "campaign": place.campaign}
    return [{"kind": "trace", **each, "outcome": TRACE_OUTCOMES[each["outcome"]], **shared} for each in found]
