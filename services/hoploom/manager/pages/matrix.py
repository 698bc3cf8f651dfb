"""Matrix: workers against networks, and the fleet against itself; the worst first, coloured and written."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from hoploom.kit.clock import boottime_s
from hoploom.manager.fleet.matrix import Pair
from hoploom.manager.fleet.measured import Measured
from hoploom.manager.measures import grids, shades
from hoploom.manager.measures.choice import ADDED, Choice, choice
from hoploom.manager.measures.fleet_look import FLEET_LOOK
from hoploom.manager.measures.grids import COLUMNS, ORDERS, ROWS, Entry, Grid
from hoploom.manager.measures.windows import SPANS_S
from hoploom.manager.pages import rendering

_NUMBER: Final = re.compile("[1-9][0-9]{0,3}")
_EMPTY: Final = Grid([], [], {}, 0, 0)


def routes() -> list[web.RouteDef]:
    """The page, and its other tab."""
    return [web.get("/matrix", matrix), web.get("/matrix/fleet", fleet)]


async def matrix(request: web.Request) -> web.Response:
    """Workers against networks: `campaign=`, `span=`, `by=` (what is worst), `rows=` and `columns=` (pages)."""
    chosen = await choice(request)
    order = request.query.get("by", "")
    order = order if order in ORDERS else ORDERS[0]
    pages = _number(request, "rows"), _number(request, "columns")
    found = await _grid(request, chosen, order, pages)
    wish = {"campaign": chosen.id, "span": chosen.span, "by": order}
    return rendering.render(
        request,
        "matrix.html.j2",
        chosen=chosen,
        spans=list(SPANS_S),
        orders=ORDERS,
        order=order,
        grid=found,
        pages=(_within(pages[0], found.workers, ROWS), _within(pages[1], found.networks, COLUMNS)),
        sizes=(ROWS, COLUMNS),
        shade=_shade(order),
        limits=shades.legend(is_loss=order == "loss"),
        turn_rows=lambda number: f"matrix?{urlencode({**wish, 'rows': number, 'columns': pages[1]})}",
        turn_columns=lambda number: f"matrix?{urlencode({**wish, 'rows': pages[0], 'columns': number})}",
        series=lambda **pair: f"series?{urlencode({'campaign': chosen.id, 'span': chosen.span, **pair})}",
    )


async def _grid(request: web.Request, chosen: Choice, order: str, pages: tuple[int, int]) -> Grid:
    if chosen.window is None:
        return _EMPTY
    added = await request.app[ADDED].of(chosen.gathered, chosen.window)
    return await asyncio.to_thread(grids.grid, added, order, *pages)


def _shade(order: str) -> Any:
    def shade(entry: Entry) -> str:
        if order == "loss":
            return shades.loss(entry.loss)
        return shades.rtt(entry.p99_us if order == "p99" else entry.p50_us)

    return shade


async def fleet(request: web.Request) -> web.Response:
    """The fleet against itself, by its newest campaign: bad pairs first."""
    looked = await request.app[FLEET_LOOK].now()
    names = _named(looked.found) if looked.found else []
    row = _within(_number(request, "rows"), len(names), ROWS)
    column = _within(_number(request, "columns"), len(names), COLUMNS)
    return rendering.render(
        request,
        "matrix_fleet.html.j2",
        looked=looked,
        age_s=max(0.0, boottime_s() - looked.at_s),
        bad=[each for each in looked.found.pairs if each.why] if looked.found else [],
        names=names,
        rows=names[(row - 1) * ROWS : row * ROWS],
        columns=names[(column - 1) * COLUMNS : column * COLUMNS],
        found=len(names),
        pages=(row, column),
        sizes=(ROWS, COLUMNS),
        pairs=_pairs(looked.found),
        shade=lambda pair: shades.rtt(pair.rtt_us),
        limits=shades.legend(is_loss=False),
        turn_rows=lambda number: f"fleet?{urlencode({'rows': number, 'columns': column})}",
        turn_columns=lambda number: f"fleet?{urlencode({'rows': row, 'columns': number})}",
        series=lambda **pair: f"../series?{urlencode(pair)}",
    )


def _pairs(found: Measured | None) -> Mapping[tuple[str, str], Pair]:
    return {(each.source, each.destination): each for each in found.pairs} if found else {}


def _named(found: Measured) -> list[str]:
    """Who stands in the matrix: workers with bad pairs first, then by name."""
    bad = [name for each in found.pairs if each.why for name in (each.source, each.destination)]
    measured = {name for each in found.pairs for name in (each.source, each.destination)}
    return sorted(measured | set(found.workers), key=lambda name: (-bad.count(name), name))


def _number(request: web.Request, name: str) -> int:
    text = request.query.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else 1


def _within(number: int, found: int, size: int) -> int:
    return min(number, max(1, -(-found // size)))
