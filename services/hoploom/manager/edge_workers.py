"""Workers elsewhere, as the page shows them: what their ads say, and what their hearers say of them. Pure."""

from collections.abc import Iterable
from typing import Any

from hoploom.manager.registry import Seen


def rows(seen: Iterable[Seen]) -> list[dict[str, Any]]:
    """A row for each worker, those in a clash first."""
    return sorted(map(_row, seen), key=lambda row: (not row["clash"], row["id"]))


def _row(seen: Seen) -> dict[str, Any]:
    return {
        "id": seen.id,
        "status": seen.status,
        "clash": seen.clash,
        "heard_s": round(seen.heard_s, 1),
        "boot": seen.ad.boot,
        "version": seen.body.version,
        "place": seen.body.place,
        "latitude": seen.body.latitude,
        "longitude": seen.body.longitude,
        "engine": seen.body.engine,
        "leases": seen.body.leases,
        "sent_pps": seen.body.sent_pps,
        "spool_bytes": seen.body.spool_bytes,
        "note": seen.body.note,
    }
