"""The newest pings of a store, found from its end without any index on the rows.

Rows lie in the order in which their batches came (`seq`), so what came after a campaign's last batch can be stepped
over by counting. An index on the rows would cost ingest more than half of its speed.
"""

from typing import Any

import apsw

_NAMES = (
    "address outcome rtt_avg_us rtt_min_us rtt_max_us sent received icmp_type icmp_code icmp_from at_us worker "
    "campaign row"
).split()
# CROSS JOIN fixes the order: rows from the end, then the batch of each.
_NEWEST = """
SELECT r.address, r.outcome, r.rtt_avg_us, r.rtt_min_us, r.rtt_max_us, r.sent, r.received, r.icmp_type, r.icmp_code,
  r.icmp_from, r.at_us, b.worker, b.campaign, r.rowid
FROM ping_results r CROSS JOIN batches b ON b.batch_key = r.batch_key
WHERE r.rowid < :before AND (:campaign IS NULL OR r.campaign = :campaign) ORDER BY r.rowid DESC LIMIT :limit
"""
TABLES = {"ping": "ping_results", "trace": "traceroutes"}
_LAST_BATCH = "SELECT campaign_number, max(seq) FROM batches WHERE campaign = ? AND kind = ?"
_AFTER_BATCH = """
SELECT 1 + coalesce((SELECT max(rowid) FROM {table}), 0)
  - coalesce((SELECT sum(result_rows) FROM batches WHERE seq > ? AND kind = ?), 0)
"""


def rows(connection: apsw.Connection, campaign: str, before: int, limit: int) -> list[dict[str, Any]]:
    """The newest rows, newest first, as the documents of `GET /api/v1/results`.

    Args:
        connection: Read-only and fresh; a transaction is begun on it, so that one snapshot is read.
        campaign: Id of the one campaign wanted; empty for all.
        before: Only rows before this one (`row` of an earlier answer).
        limit: Most rows.
    """
    connection.execute("BEGIN")
    asked = narrowed(connection, "ping", campaign, before)
    if asked is None:
        return []
    found = connection.execute(_NEWEST, {**asked, "limit": limit})
    return [{"kind": "ping", **dict(zip(_NAMES, row, strict=True))} for row in found]


def narrowed(connection: apsw.Connection, kind: str, campaign: str, before: int) -> dict[str, int | None] | None:
    """The values of `:campaign` and `:before` by which rows are found; None where the campaign has none of the kind.

    Args:
        connection: In a transaction.
        kind: Of the rows, a key of `TABLES`.
        campaign: Id of the one campaign wanted; empty for all.
        before: Only rows before this one.
    """
    if not campaign:
        return {"campaign": None, "before": before}
    number, seq = connection.execute(_LAST_BATCH, (campaign, kind)).get
    if number is None:
        return None
    end = int(str(connection.execute(_AFTER_BATCH.format(table=TABLES[kind]), (seq, kind)).get))
    return {"campaign": number, "before": min(before, end)}
