"""Which hops were stored lately: what the new owner of a slot of hops asks, because the stores alone outlive owners.

Read page by page, so that no long read holds back checkpoints. Rows lie in the order in which their batches came, so
the first of the time asked for is found by halving, without an index on the rows.
"""

import re
from bisect import bisect_left
from collections.abc import Collection

import apsw
from aiohttp import web

from hoploom.kit.clock import wall_us
from hoploom.kit.errors import BadRequest
from hoploom.output_service.handlers import STORE
from hoploom.output_service.store import Store
from hoploom.wire.hops import REMEMBERED_S, SLOTS, Hop

ROUTE = "/api/v1/output/hops"
PAGE_ROWS = 200_000
"""A tenth of a second; the store's readers may take two."""

_LAST = "SELECT coalesce(max(rowid), 0) FROM traceroute_hops"
# The plus keeps SQLite from walking all batches from the oldest on, in the order of seq.
FIRST_SEQ = "SELECT min(+seq) FROM batches WHERE received_at_us >= ?"
# CROSS JOIN fixes the order: the rows, then the batch of each.
_SEQ = """
SELECT b.seq FROM traceroute_hops h CROSS JOIN batches b ON b.batch_key = h.batch_key
WHERE h.rowid >= ? ORDER BY h.rowid LIMIT 1
"""
_PAGE = """
SELECT DISTINCT b.campaign, h.hop FROM traceroute_hops h CROSS JOIN batches b ON b.batch_key = h.batch_key
WHERE h.rowid BETWEEN ? AND ? AND h.hop IS NOT NULL AND b.received_at_us >= ?
"""
_DIGITS = re.compile("[0-9]{1,9}")
_Found = dict[str, set[str]]


async def get_hops(request: web.Request) -> web.Response:
    """Different hops by campaign, of each `slot=`, in batches that came within `since_s=` seconds."""
    slots = {_whole("slot", text, range(SLOTS)) for text in request.query.getall("slot", [])}
    if not slots:
        raise BadRequest("ask for one slot or several: slot=0&slot=1")
    since_s = _whole("since_s", request.query.get("since_s", str(REMEMBERED_S)), range(1, 10**9))
    store = request.app[STORE]
    found = await stored(store, slots, wall_us() - since_s * 1_000_000)
    hops = {campaign: sorted(texts) for campaign, texts in sorted(found.items())}
    return web.json_response({"v": 1, "store": store.uuid, "hops": hops})


async def stored(store: Store, slots: Collection[int], since_us: int) -> _Found:
    """The hops of some slots.

    Args:
        store: Where they are.
        slots: The slots.
        since_us: Batches that came before this time (wall clock of this store, microseconds) are left out.

    Returns:
        Addresses as text, by id of the campaign whose traceroutes they were.

    Raises:
        Unavailable: The database cannot be read.
    """
    first, last = await store.ask(lambda connection: _rows(connection, since_us))
    seen: set[tuple[str, str]] = set()
    found: _Found = {}
    for start in range(first, last + 1, PAGE_ROWS):
        stop = min(last, start + PAGE_ROWS - 1)

        def page(connection: apsw.Connection, start: int = start, stop: int = stop) -> None:
            new = set(connection.execute(_PAGE, (start, stop, since_us))) - seen
            seen.update(new)
            for campaign, hop in new:
                if Hop.parse(hop).slot in slots:
                    found.setdefault(campaign, set()).add(hop)

        await store.ask(page)
    return found


def _rows(connection: apsw.Connection, since_us: int) -> tuple[int, int]:
    """First and last row that may be of the time asked for; an empty range when there is none."""
    last, seq = int(connection.execute(_LAST).get), connection.execute(FIRST_SEQ, (since_us,)).get
    if seq is None:
        return last + 1, last
    # By number and not by time: a wall clock that was set back does not confuse it.
    return bisect_left(range(last + 1), int(seq), key=lambda row: int(connection.execute(_SEQ, (row,)).get)), last


def _whole(name: str, text: str, allowed: range) -> int:
    if not _DIGITS.fullmatch(text) or int(text) not in allowed:
        raise BadRequest(f"{name} is a whole number from {allowed.start} to {allowed.stop - 1}, not {text[:40]!r}")
    return int(text)
