"""Paths: the graph of all traceroutes, a search and the way between two nodes in it, and a page of each address."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from hoploom import kit
from hoploom.kit import credentials
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import BadRequest
from hoploom.manager import access
from hoploom.manager.pages import rendering
from hoploom.manager.paths import asked as asking
from hoploom.manager.paths import gathering, handlers, tables, traces
from hoploom.manager.paths.asked import Asked
from hoploom.manager.paths.distance import way
from hoploom.manager.paths.drawing import MAX_NODES
from hoploom.manager.paths.gathering import GATHERING, Gathered
from hoploom.manager.paths.graph import Graph
from hoploom.manager.paths.tables import HopRow, LinkRow
from hoploom.manager.sight import SIGHT
from hoploom.wire import addresses
from hoploom.wire.people import Role
from hoploom.wire.probe import TRACE

_HEADERS: web.AppKey[Mapping[str, str]] = web.AppKey("paths_headers")
_UNPROCESSABLE: Final = 422
_MOST_OPTIONS: Final = 200


class _Answered(NamedTuple):
    """What is found of a question.

    Attributes:
        found: Nodes that the search means, as many as a table takes; None where nothing was searched.
        meant: How many it means.
        links: Of the way; None where there is none, or none was asked for.
        problem: Why it cannot be answered; empty where it was.
    """

    found: list[HopRow] | None = None
    meant: int = 0
    links: list[LinkRow] | None = None
    problem: str = ""


def attach(app: web.Application, token: str) -> None:
    """Gather links and show them; call it after `sight.attach`.

    Args:
        app: The manager.
        token: The mesh's.
    """
    app[_HEADERS] = credentials.header(token)
    gathering.attach(app, token)
    handlers.attach(app)
    access.add(app, [*handlers.routes(), *routes()], Role.VIEWER)


def routes() -> list[web.RouteDef]:
    """Both pages."""
    return [web.get("/paths", paths), web.get("/paths/{address}", one)]


async def paths(request: web.Request) -> web.Response:
    """The graph; `q=` searches it, `from=` and `to=` ask for a way, `campaign=` narrows it to the paths of one."""
    gathered = await request.app[GATHERING].of(handlers.number(request))
    graph = gathered.whole.graph
    found = await asyncio.to_thread(_answered, request, graph)
    names = ("q", "from", "to", "campaign")
    typed = {name: request.query.get(name, "").strip() for name in names}
    query = urlencode({name: text for name, text in typed.items() if text and not found.problem})
    return rendering.render(
        request,
        "paths.html.j2",
        status=_UNPROCESSABLE if found.problem else 200,
        **_common(gathered),
        typed=typed,
        answered=found,
        largest=tables.largest(graph),
        campaigns=_campaigns(request),
        query=f"?{query}" if query else "",
        of_campaign=f"?{urlencode({'campaign': typed['campaign']})}" if typed["campaign"] else "",
        most_nodes=MAX_NODES,
    )


async def one(request: web.Request) -> web.Response:
    """What is known of an address: its links, and the newest traceroutes to it.

    Raises:
        BadRequest: It is no address.
    """
    try:
        address = addresses.text(addresses.parse(request.match_info["address"]))
    except ValueError as error:
        raise BadRequest(f"{request.match_info['address'][:60]!r} is no address, such as 192.0.2.1") from error
    gathered, newest = await asyncio.gather(
        request.app[GATHERING].of(handlers.number(request)),
        traces.newest(kit.mesh(request), request.app[_HEADERS], address),
    )
    graph = gathered.whole.graph
    nodes = asking.found(graph, address)
    before, behind = tables.beside(graph, int(nodes[0])) if len(nodes) else ([], [])
    return rendering.render(
        request,
        "path.html.j2",
        **_common(gathered),
        address=address,
        hop=tables.hop(graph, int(nodes[0])) if len(nodes) else None,
        before=before,
        behind=behind,
        most=tables.MOST_ROWS,
        newest=newest,
    )


def _common(gathered: Gathered) -> Mapping[str, Any]:
    return {
        "graph": gathered.whole.graph,
        "version": gathered.version,
        "age_s": boottime_s() - gathered.heard_at_s,
        "silent": gathered.silent,
    }


def _answered(request: web.Request, graph: Graph) -> _Answered:
    found: list[HopRow] | None = None
    meant, links = 0, None
    try:
        wanted: Asked = handlers.asked(request)
        if wanted.search:
            nodes = asking.found(graph, wanted.search)
            found, meant = tables.hops(graph, nodes[: tables.MOST_ROWS].tolist()), len(nodes)
        if wanted.start:
            steps = way(graph, *(asking.node(graph, text) for text in (wanted.start, wanted.end)))
            links = None if steps is None else tables.way(graph, steps)
    except BadRequest as error:
        return _Answered(found, meant, problem=str(error))
    return _Answered(found, meant, links)


def _campaigns(request: web.Request) -> list[tuple[str, str]]:
    """Ids and names of the campaigns that trace, newest first."""
    every = (each["campaign"] for each in request.app[SIGHT].now().campaigns.found)
    traced = [each for each in every if each.get("probe", {}).get("kind") == TRACE]
    return [(str(each["id"]), str(each.get("name") or each["id"])) for each in traced[:_MOST_OPTIONS]]
