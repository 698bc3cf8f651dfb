"""The graph for programs: as a drawing, and as GraphML."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import OrderedDict
from itertools import islice
from typing import Final

from aiohttp import web

from hoploom.kit.errors import NotFound
from hoploom.manager.paths import graphml
from hoploom.manager.paths.asked import Asked
from hoploom.manager.paths.drawing import document, drawing
from hoploom.manager.paths.gathering import GATHERING, Gathered
from hoploom.manager.sight import SIGHT

DRAWING: Final = "/api/v1/paths"
GRAPHML: Final = "/api/v1/paths/graphml"
_KEPT: Final = 8
"""Drawings, each some 1.5 MB."""
_LINES: Final = 2000
_LEVEL: Final = 1
"""A third of the size for 15 ms; the best takes ten times as long for a tenth less."""
_DRAWINGS: web.AppKey[OrderedDict[tuple[int | None, int, Asked], tuple[bytes, bytes]]] = web.AppKey("paths_drawings")


def attach(app: web.Application) -> None:
    """Keep the last drawings."""
    app[_DRAWINGS] = OrderedDict()


def routes() -> list[web.RouteDef]:
    """What is answered here."""
    return [web.get(DRAWING, get_drawing), web.get(GRAPHML, get_graphml)]


def number(request: web.Request) -> int | None:
    """The number of the campaign that is asked for by its id; None for all.

    Raises:
        NotFound: There is none of this id.
    """
    wanted = request.query.get("campaign", "")
    if not wanted:
        return None
    for each in request.app[SIGHT].now().campaigns.found:
        if each["campaign"]["id"] == wanted:
            return int(each["campaign"]["number"])
    raise NotFound(f"there is no campaign {wanted[:63]!r}, or it is not seen yet: leave it out for all of them")


def asked(request: web.Request) -> Asked:
    """What is asked of the graph: `q=`, `from=`, `to=`; raises BadRequest where that is no question."""
    names = ("q", "from", "to")
    search, start, end = (request.query.get(name, "").strip() for name in names)
    return Asked(search=search, start=start, end=end)


async def get_drawing(request: web.Request) -> web.Response:
    """The part of the graph that answers `q=` or `from=` and `to=`, with places; of nothing asked, the largest part."""
    campaign, wanted = number(request), asked(request)
    gathered = await request.app[GATHERING].of(campaign)
    known, key = request.app[_DRAWINGS], (campaign, gathered.version, wanted)
    if key not in known:
        known[key] = await asyncio.to_thread(_encoded, gathered, wanted)
        while len(known) > _KEPT:
            known.popitem(last=False)
    plain, packed = known[key]
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return web.Response(body=packed, content_type="application/json", headers=headers)
    return web.Response(body=plain, content_type="application/json", headers={"Vary": "Accept-Encoding"})


async def get_graphml(request: web.Request) -> web.StreamResponse:
    """The whole graph as GraphML; where it is large, some 40 MB."""
    campaign = number(request)
    gathered = await request.app[GATHERING].of(campaign)
    name = f"paths-{campaign or 'all'}.graphml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response = web.StreamResponse(headers=headers)
    response.content_type = "application/graphml+xml"
    await response.prepare(request)
    lines = graphml.lines(gathered.whole.graph)
    while piece := await asyncio.to_thread(lambda: "".join(islice(lines, _LINES))):
        await response.write(piece.encode())
    await response.write_eof()
    return response


def _encoded(gathered: Gathered, wanted: Asked) -> tuple[bytes, bytes]:
    found = json.dumps(document(drawing(gathered.whole, wanted)), separators=(",", ":")).encode()
    return found, gzip.compress(found, _LEVEL)
