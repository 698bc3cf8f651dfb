"""Map: where workers are by their owners' word, and where targets are by name and by the user's own GeoIP file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from aiohttp import web

from hoploom.manager.measures import grids, spots
from hoploom.manager.measures.choice import ADDED, Choice, choice
from hoploom.manager.measures.grids import Entry
from hoploom.manager.measures.projection import HEIGHT, WIDTH
from hoploom.manager.measures.spots import Standing
from hoploom.manager.pages import fleet_rows, rendering
from hoploom.manager.pages.fleet_rows import Row
from hoploom.manager.seeing.seen import SeenMesh

MOST_LISTED = 50


def routes() -> list[web.RouteDef]:
    """The page."""
    return [web.get("/map", world)]


async def world(request: web.Request) -> web.Response:
    """Workers, and the targets of `campaign=` (without it the newest) over `span=`."""
    chosen = await choice(request)
    workers = list(standing(chosen.seen, fleet_rows.rows(chosen.seen)))
    networks = await _networks(request, chosen)
    return rendering.render(
        request,
        "map.html.j2",
        chosen=chosen,
        size=(WIDTH, HEIGHT),
        spots=spots.spots(workers),
        circles=spots.circles(chosen.gathered.whole.places),
        states=Counter(each.state for each in workers),
        workers=len(workers),
        nowhere=[each for each in workers if each.latitude is None or each.longitude is None][:MOST_LISTED],
        missing=sum(each.latitude is None or each.longitude is None for each in workers),
        networks=networks[:MOST_LISTED],
        found=len(networks),
        countries=_countries(chosen),
    )


def standing(seen: SeenMesh, rows: Iterable[Row]) -> Iterable[Standing]:
    """Every worker once, with its place where its owner tells it; `rows` are the fleet's."""
    heard = {each.id: each.body for each in seen.workers}
    for row in rows:
        body = heard.get(row.worker)
        if row.worker:
            place = (body.place, body.latitude, body.longitude) if body else (row.place, None, None)
            yield Standing(row.name, row.state, *place)


async def _networks(request: web.Request, chosen: Choice) -> list[Entry]:
    if chosen.window is None:
        return []
    added = await request.app[ADDED].of(chosen.gathered, chosen.window)
    return await asyncio.to_thread(grids.ranked, added, "network", "loss")


def _countries(chosen: Choice) -> list[tuple[str, int, int]]:
    """Countries with their targets and how many of those answered, most targets first."""
    targets, answered = Counter[str](), Counter[str]()
    for each in chosen.gathered.whole.places:
        targets[each.country] += each.targets
        answered[each.country] += each.answered
    return [(country, number, answered[country]) for country, number in targets.most_common(MOST_LISTED)]
