"""Fleet: every instance and worker in a table, and a page of each."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from hoploom.kit.errors import NotFound
from hoploom.manager.pages import fleet_rows, rendering
from hoploom.manager.pages.fleet_rows import SORTS, STATES, Row, Wish
from hoploom.manager.seeing.seen import SeenMesh
from hoploom.manager.sight import SIGHT

PAGE = 50
_LONGEST = 200
_NUMBER = re.compile("[1-9][0-9]{0,5}")


def routes() -> list[web.RouteDef]:
    """Both pages."""
    return [web.get("/fleet", fleet), web.get("/fleet/{name}", one)]


async def fleet(request: web.Request) -> web.Response:
    """All of them, `PAGE` at a time; `q=`, `service=`, `state=`, `dc=` choose, `sort=` and `page=` say which first."""
    seen = request.app[SIGHT].now()
    every = fleet_rows.rows(seen)
    wish = _wish(request.query)
    found = fleet_rows.chosen(every, wish)
    number = min(_number(request.query.get("page", "")), max(1, -(-len(found) // PAGE)))
    return rendering.render(
        request,
        "fleet.html.j2",
        seen=seen,
        rows=found[(number - 1) * PAGE : number * PAGE],
        found=len(found),
        whole=len(every),
        number=number,
        size=PAGE,
        wish=wish,
        services=sorted({row.service for row in every}),
        states=STATES,
        dcs=sorted({row.dc for row in every if row.dc}),
        sorts=list(SORTS),
        link=f"?{_query(wish)}&page=",
        conditions=lambda row: fleet_rows.conditions(seen, row),
        sorted_by=lambda name: f"?{_query(wish, sort=name)}",
    )


async def one(request: web.Request) -> web.Response:
    """One instance or worker, by its name or id.

    Raises:
        NotFound: Nobody here is called so.
    """
    name, seen = request.match_info["name"], request.app[SIGHT].now()
    found = next((row for row in fleet_rows.rows(seen) if name in (row.name, row.worker)), None)
    if found is None:
        raise NotFound(f"nobody here is called {name[:_LONGEST]}, or is any more: Fleet lists who is there")
    return rendering.render(
        request,
        "worker.html.j2",
        seen=seen,
        row=found,
        conditions=fleet_rows.conditions(seen, found),
        roles=seen.leading.get(found.name, ()),
        slots=seen.owners.found.slots.get(found.name, 0),
        heard=next((each for each in seen.workers if each.id == found.name), None),
        problems=[each for each in seen.problems if each.subject == found.name],
        events=_events(seen, found),
    )


def _events(seen: SeenMesh, row: Row) -> list[Any]:
    return [each for each in reversed(seen.events.found) if each.subject in (row.name, row.worker)][:20]


def _wish(query: Mapping[str, str]) -> Wish:
    """What somebody asks for; what makes no sense is passed over, for a link may be of another version."""
    sort, state = query.get("sort", ""), query.get("state", "")
    return Wish(
        text=query.get("q", "").strip()[:_LONGEST],
        service=query.get("service", "")[:_LONGEST],
        state=state if state in STATES else "",
        dc=query.get("dc", "")[:_LONGEST],
        sort=sort if sort in SORTS else "state",
    )


def _query(wish: Wish, **other: str) -> str:
    document = {**asdict(wish), **other}
    document["q"] = document.pop("text")
    return urlencode({name: each for name, each in document.items() if each})


def _number(text: str) -> int:
    return int(text) if _NUMBER.fullmatch(text) else 1
