"""Which hops were stored lately: what the new owner of a slot of hops asks, because the stores alone outlive owners.

Read page by page, so that no long read holds back checkpoints. Rows lie in the order in which their batches came, and
`locations` says where the first batch of the time asked for begins, so no index on the rows is needed.
"""

import asyncio
import itertools
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import apsw
from aiohttp import web

from hoploom.kit.clock import wall_us
from hoploom.kit.errors import BadRequest
from hoploom.output_service.handlers import STORE
from hoploom.output_service.schema import EVERY_BATCH, of_every_batch
from hoploom.output_service.store import Store
from hoploom.wire.hops import REMEMBERED_S, SLOTS, Hop

ROUTE = "/api/v1/output/hops"
PAGE_ROWS = 200_000
"""A tenth of a second; the store's readers may take two."""

MAX_OF_SLOT = 32_768
"""Of a slot, the oldest of the time asked for: twice what its owner remembers, a bound where somebody invents hops."""

_LAST_ROW = "SELECT coalesce(max(rowid), 0) FROM traceroute_hops"
# By number and not by time: a wall clock that was set back does not confuse it. The plus keeps SQLite from walking all
# batches from the oldest on, in the order of seq.
FIRST_SEQ = of_every_batch("min(+seq)", "received_at_us >= ?1")
_FIRST_ROW = "SELECT coalesce(min(first_hop), 1) FROM locations WHERE seq >= ?"
# CROSS JOIN fixes the order: the rows, then the batch of each. A target that answers is no hop: neither its echo reply
# (ICMP type 0, ICMPv6 129) nor an error of its own; and what a dead uplink brought counts for nothing.
HOPS = """
SELECT DISTINCT {what} FROM traceroute_hops h CROSS JOIN batches b ON b.batch_key = h.batch_key
WHERE h.rowid BETWEEN ? AND ? AND h.hop <> h.address AND h.icmp_type NOT IN (0, 129) AND b.suspect = 0
"""
_PAGE = HOPS.format(what="b.campaign_number, h.hop")
_CAMPAIGN = f"SELECT campaign FROM {EVERY_BATCH} WHERE campaign_number = ? LIMIT 1"
_DIGITS = re.compile("[0-9]{1,9}")


async def get_hops(request: web.Request) -> web.Response:
    """Different hops by campaign, of each `slot=`, in batches that came within `since_s=` seconds."""
    slots = {_whole("slot", text, range(SLOTS)) for text in request.query.getall("slot", [])}
    if not slots:
        raise BadRequest("ask for one slot or several: slot=0&slot=1")
    since_s = _whole("since_s", request.query.get("since_s", str(REMEMBERED_S)), range(1, 10**9))
    store = request.app[STORE]
    found = await stored(store, slots, wall_us() - since_s * 1_000_000)
    return web.json_response({"v": 1, "store": store.uuid, "hops": found})


async def stored(store: Store, slots: Collection[int], since_us: int) -> dict[str, list[str]]:
    """The hops of some slots.

    Args:
        store: Where they are.
        slots: The slots.
        since_us: Wall clock of this store, microseconds: what came before the first batch since then is left out.

    Returns:
        Sorted addresses as text, by id of the campaign whose traceroutes they were; at most `MAX_OF_SLOT` of a slot.

    Raises:
        Unavailable: The database cannot be read.
    """
    found: dict[int, set[tuple[int, str]]] = {slot: set() for slot in slots}
    first = (await store.read(FIRST_SEQ, (since_us,)))[0][0]
    since = store.files.number_of(first) if first else store.files.live + 1
    for number in store.files.numbers():
        if number >= since:
            await _take_file(store, number, first, found)
    by_number = await asyncio.to_thread(_by_number, found)
    return {str((await store.read(_CAMPAIGN, (number,)))[0][0]): texts for number, texts in by_number.items()}


async def _take_file(store: Store, number: int, seq: int, found: Mapping[int, set[tuple[int, str]]]) -> None:
    """Put the hops of one file's batches from one on to those found before."""
    first, last = await store.ask(lambda connection: _rows(connection, seq), number)
    for start in range(first, last + 1, PAGE_ROWS):
        page = await store.read(_PAGE, (start, min(last, start + PAGE_ROWS - 1)), number=number)
        await asyncio.to_thread(_take, found, page)


def _rows(connection: apsw.Connection, seq: int) -> tuple[int, int]:
    """First and last row of the batches from one on."""
    first = connection.execute(_FIRST_ROW, (seq,)).get
    return int(first), int(connection.execute(_LAST_ROW).get)


def _take(found: Mapping[int, set[tuple[int, str]]], page: Iterable[tuple[Any, ...]]) -> None:
    """Put the hops of the slots that are asked for to those found before, as far as there is room."""
    for number, hop in page:
        kept = found.get(Hop.parse(hop).slot)
        if kept is not None and len(kept) < MAX_OF_SLOT:
            kept.add((number, hop))


def _by_number(found: Mapping[int, set[tuple[int, str]]]) -> dict[int, list[str]]:
    by_number: dict[int, list[str]] = {}
    for number, hop in sorted(itertools.chain.from_iterable(found.values())):
        by_number.setdefault(number, []).append(hop)
    return by_number


def _whole(name: str, text: str, allowed: range) -> int:
    if not _DIGITS.fullmatch(text) or int(text) not in allowed:
        raise BadRequest(f"{name} is a whole number from {allowed.start} to {allowed.stop - 1}, not {text[:40]!r}")
    return int(text)
