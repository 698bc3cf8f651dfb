"""What is asked of the sums: cells and places of a campaign, or that nothing changed (304)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import apsw
import numpy as np
from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.output_service.rollups import sums
from hoploom.output_service.rollups.rolling import Rolling
from hoploom.wire import cell_table, rtt_histogram
from hoploom.wire.rollup import LENGTHS

ROLLING = web.AppKey("output_rollups", Rolling)
CELLS: Final = "/api/v1/output/rollups/cells"
PLACES: Final = "/api/v1/output/rollups/places"
MOST: Final = 20_000
"""Cells of an answer: some 2 MB of JSON."""

_PARAMETERS: Final = ("campaign", "since", "until", "worker", "network", "length", "after", "limit")
_DIGITS: Final = re.compile("[0-9]{1,19}")
_END: Final = 2**62
_US: Final = 1_000_000
_LONGEST_NAME: Final = 256
_CELLS: Final = f"""
SELECT {", ".join(cell_table.COLUMNS)}, histogram, change FROM cells
WHERE campaign = :campaign AND change > :after AND start_s >= :since_s AND start_s < :until_s
  AND (:worker = '' OR worker = :worker) AND (:network = '' OR network = :network)
  AND (:length = 0 OR length_s = :length)
ORDER BY change LIMIT :limit
"""
_LAST: Final = "SELECT coalesce(max(change), 0) FROM cells WHERE campaign = ?"
_OLDEST: Final = "SELECT min(start_s) FROM cells WHERE campaign = ? AND length_s = ?"
_PLACES: Final = """
SELECT country, latitude, longitude, targets, answered FROM places WHERE campaign = ? ORDER BY 1, 2, 3
"""


class _State(NamedTuple):
    """What an answer depends on.

    Attributes:
        generation: Of the file; see `sums.Standing`.
        change: The campaign's last one.
        since_s: The oldest period that is kept, by length.
    """

    generation: str
    change: int
    since_s: dict[str, int]

    @property
    def tag(self) -> str:
        """As an entity tag (RFC 9110, section 8.8.3)."""
        return "-".join(map(str, (self.generation, self.change, *self.since_s.values())))


def routes() -> list[web.RouteDef]:
    """The routes of the sums."""
    return [web.get(CELLS, get_cells), web.get(PLACES, get_places)]


async def get_cells(request: web.Request) -> web.Response:
    """Cells of the `campaign=` (its number), as `wire.cell_table` has them, in the order of their last change.

    `since=` and `until=` (microseconds since 1970), `worker=`, `network=` and `length=` (seconds) narrow them, `limit=`
    bounds them. `after=` is the `next` of an answer before: only what changed since then comes. Where `generation` is
    another than before, begin without it. What began before `since_s` was let go of.
    """
    values = _values(request.query)

    def answer(connection: apsw.Connection) -> tuple[_State, dict[str, Any] | None]:
        state = _state(connection, values["campaign"])
        return state, None if _is_known(request, state.tag) else _cells(connection, values)

    state, found = await request.app[ROLLING].ask(answer)
    headers = {"ETag": f'"{state.tag}"'}
    if found is None:
        return web.Response(status=304, headers=headers)
    head = {"v": 1, "campaign": values["campaign"], "generation": state.generation, "since_s": state.since_s}
    return web.json_response({**head, **found}, headers=headers)


async def get_places(request: web.Request) -> web.Response:
    """Places of the `campaign=` (its number), rows as `wire.rollup.Place` has them; empty without a GeoIP file."""
    campaign = _whole("campaign", request.query.get("campaign"), _END)

    def answer(connection: apsw.Connection) -> tuple[str, list[Any] | None]:
        rows = [list(row) for row in connection.execute(_PLACES, (campaign,))]
        tag = f"{sums.standing(connection).generation}-{sum(row[3] for row in rows)}"
        return tag, None if _is_known(request, tag) else rows

    tag, rows = await request.app[ROLLING].ask(answer)
    if rows is None:
        return web.Response(status=304, headers={"ETag": f'"{tag}"'})
    return web.json_response({"v": 1, "campaign": campaign, "places": rows}, headers={"ETag": f'"{tag}"'})


def _state(connection: apsw.Connection, campaign: int) -> _State:
    oldest = {str(length): connection.execute(_OLDEST, (campaign, length)).get or 0 for length in LENGTHS}
    return _State(sums.standing(connection).generation, int(connection.execute(_LAST, (campaign,)).get), oldest)


def _cells(connection: apsw.Connection, values: dict[str, Any]) -> dict[str, Any]:
    rows = connection.execute(_CELLS, values).fetchall()
    following = rows[-1][-1] if rows else values["after"]
    return {"next": following, "is_end": len(rows) < values["limit"], "cells": _table(rows)}


def _table(rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """As `CellTable.to_json` writes it."""
    *columns, histograms, _ = zip(*rows, strict=True) if rows else [()] * (len(cell_table.COLUMNS) + 2)
    by_name = {name: list(column) for name, column in zip(cell_table.COLUMNS, columns, strict=True)}
    names = {}
    for name in ("worker", "network"):
        numbers = {text: number for number, text in enumerate(dict.fromkeys(by_name[name]))}
        names[f"{name}s"], by_name[name] = list(numbers), [numbers[text] for text in by_name[name]]
    sizes = [len(blob) // rtt_histogram.PAIR_BYTES for blob in histograms]
    buckets, counts = rtt_histogram.pairs(b"".join(histograms))
    cell = np.repeat(np.arange(len(sizes)), sizes)
    rtt = {name: each.tolist() for name, each in zip(cell_table.COUNTS, (cell, buckets, counts), strict=True)}
    return {**names, "columns": by_name, "rtt": rtt}


def _values(query: Any) -> dict[str, Any]:
    for name in query:
        if name not in _PARAMETERS:
            raise BadRequest(f"there is no parameter {name[:40]!r}; there are {', '.join(_PARAMETERS)}")
    length = _whole("length", query.get("length", "0"), max(LENGTHS))
    if length not in (0, *LENGTHS):
        raise BadRequest(f"length is {' or '.join(map(str, LENGTHS))}, not {length}")
    return {
        "campaign": _whole("campaign", query.get("campaign"), _END),
        "since_s": _whole("since", query.get("since", "0"), _END) // _US,
        "until_s": -(-_whole("until", query.get("until", str(_END)), _END) // _US),
        "worker": query.get("worker", "")[:_LONGEST_NAME],
        "network": query.get("network", "")[:_LONGEST_NAME],
        "length": length,
        "after": _whole("after", query.get("after", "0"), _END),
        "limit": max(1, _whole("limit", query.get("limit", str(MOST)), MOST)),
    }


def _whole(name: str, text: str | None, most: int) -> int:
    if text is None or not _DIGITS.fullmatch(text) or int(text) > most:
        raise BadRequest(f"{name} is a whole number from 0 to {most}, not {(text or '')[:40]!r}")
    return int(text)


def _is_known(request: web.Request, tag: str) -> bool:
    return any(each.value == tag for each in request.if_none_match or ())


