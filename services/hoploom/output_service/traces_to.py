"""The newest traceroutes to one address, found from the store's end.

There is no index on addresses: rows are looked through batch by batch, for a bounded time. Who asks is told how far
back that was.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final

import apsw
from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.output_service import latest, latest_traces
from hoploom.output_service.handlers import STORE
from hoploom.output_service.newest import END
from hoploom.output_service.store import Store
from hoploom.wire import addresses

ROUTE: Final = "/api/v1/output/traces/{address}"
LOOK_S: Final = 1.0
"""A million traceroutes, about."""
MOST: Final = 20
_LIMIT: Final = re.compile("[0-9]{1,3}")
_ROWS: Final = "SELECT rowid FROM traceroutes WHERE rowid BETWEEN ? AND ? AND address = ? ORDER BY rowid DESC LIMIT ?"


async def get_traces(request: web.Request) -> web.Response:
    """The newest traceroutes to an address, newest first, at most `limit=`.

    `looked_back_us` says how far back was looked, microseconds since 1970; null where all was looked through.
    """
    limit = request.query.get("limit", str(MOST))
    if not _LIMIT.fullmatch(limit) or not 1 <= int(limit) <= MOST:
        raise BadRequest(f"limit is a whole number from 1 to {MOST}, not {limit[:40]!r}")
    try:
        address = addresses.text(addresses.parse(request.match_info["address"]))
    except ValueError as error:
        raise BadRequest(f"{request.match_info['address'][:60]!r} is no address") from error
    found, looked_back_us = await traces_to(request.app[STORE], address, int(limit))
    return web.json_response({"v": 1, "results": found, "looked_back_us": looked_back_us})


async def traces_to(store: Store, address: str, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """The newest traceroutes to an address.

    Args:
        store: Where they are.
        address: Canonical text.
        limit: Most of them.

    Returns:
        Documents as `GET /api/v1/results` has them, newest first; and when the oldest batch that was looked at began,
        microseconds since 1970, None where none is older.

    Raises:
        Unavailable: The store cannot be read.
    """
    search = _Search(address, limit, time.monotonic() + LOOK_S)
    for number in sorted(store.files.numbers(), reverse=True):
        await store.ask(search.take_file, number)
        if search.is_over:
            return search.found, search.looked_back_us
    return search.found, None


class _Search:
    """Goes back through a store until it has enough, or its time is over."""

    def __init__(self, address: str, limit: int, until_s: float) -> None:
        self.found: list[dict[str, Any]] = []
        self.looked_back_us: int | None = None
        self.is_over = False
        self._address, self._limit, self._until_s = address, limit, until_s

    def take_file(self, connection: apsw.Connection) -> None:
        """Look through a file from its end."""
        connection.execute("BEGIN")
        for place in latest.places(connection, "trace", "", END):
            self.looked_back_us = place.started_at_us
            span = (place.first_row, place.first_row + place.rows - 1)
            for (row,) in connection.execute(_ROWS, (*span, self._address, self._limit - len(self.found))).fetchall():
                self.found += latest_traces.of_batch(connection, place, int(str(row)), 1)
            if len(self.found) >= self._limit or time.monotonic() >= self._until_s:
                self.is_over = True
                return
