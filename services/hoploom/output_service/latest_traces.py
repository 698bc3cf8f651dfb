"""The newest traceroutes of a store with their hops, found from its end without any index on the rows.

Both tables lie in the order in which their batches came (`seq`), so what came later is stepped over by counting.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import apsw

from hoploom.output_service import latest

_NAMES = "address outcome sent joined_ttl distance hops at_us worker campaign row".split()
_HOP_NAMES = "ttl hop rtt_us reply_ttl quoted_ttl icmp_type icmp_code at_us mpls".split()
# CROSS JOIN fixes the order: rows from the end, then the batch of each.
NEWEST = """
SELECT t.batch_key, b.seq, b.result_rows, t.address, t.outcome, t.sent, t.joined_ttl, t.distance, t.hops, t.at_us,
  b.worker, b.campaign, t.rowid
FROM traceroutes t CROSS JOIN batches b ON b.batch_key = t.batch_key
WHERE t.rowid < :before AND (:campaign IS NULL OR t.campaign = :campaign) ORDER BY t.rowid DESC LIMIT :limit
"""
_LAST_HOP = "SELECT coalesce(max(rowid), 0) FROM traceroute_hops"
# The hops of a batch and of all later ones.
_SINCE = "SELECT batch_key, sum(hop_rows) OVER (ORDER BY seq DESC) - hop_rows FROM batches WHERE seq >= ?"
_LATER_IN_BATCH = "SELECT coalesce(sum(hops), 0) FROM traceroutes WHERE rowid BETWEEN ? AND ? AND batch_key = ?"
_HOPS = """
SELECT ttl, hop, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code, at_us, mpls FROM traceroute_hops
WHERE rowid BETWEEN ? AND ? ORDER BY rowid
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
    asked = latest.narrowed(connection, "trace", campaign, before)
    if asked is None:
        return []
    found = [_Trace(row) for row in connection.execute(NEWEST, {**asked, "limit": limit})]
    if not found:
        return []
    last = int(connection.execute(_LAST_HOP).get)
    later = dict(connection.execute(_SINCE, (min(each.seq for each in found),)))
    for key, group in groupby(found, key=lambda each: each.batch_key):
        _add_hops(connection, list(group), last - later[key])
    return [each.document for each in found]


class _Trace:
    """A traceroute as it is read: its batch, and the document that it becomes."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.batch_key, self.seq, self.result_rows, *rest = row
        self.document: dict[str, Any] = {"kind": "trace", **dict(zip(_NAMES, rest, strict=True))}


def _add_hops(connection: apsw.Connection, found: list[_Trace], batch_end: int) -> None:
    """Put their hops into traceroutes of one batch that follow each other, newest first.

    Args:
        connection: As `rows`.
        found: The traceroutes.
        batch_end: The last row of the batch in `traceroute_hops`.
    """
    newest = found[0].document["row"]
    later = connection.execute(_LATER_IN_BATCH, (newest + 1, newest + found[0].result_rows, found[0].batch_key)).get
    stop = batch_end - int(later) + 1
    start = stop - sum(each.document["hops"] for each in found)
    read = _documents(connection, start, stop - 1)
    for each in reversed(found):
        each.document["hops"] = [next(read) for _ in range(each.document["hops"])]


def _documents(connection: apsw.Connection, first: int, last: int) -> Iterator[dict[str, Any]]:
    for row in connection.execute(_HOPS, (first, last)):
        yield dict(zip(_HOP_NAMES, row, strict=True))
