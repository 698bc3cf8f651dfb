"""Opt-outs: which blocks nobody probes, since when and until when; adding one, and taking one off the list."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.kit.forms import read_form
from hoploom.manager import relay
from hoploom.manager.access import person
from hoploom.manager.audit import audit
from hoploom.manager.pages import rendering
from hoploom.manager.sight import SIGHT

ROUTE = "/api/v1/overlay/opt-outs"
PAGE = 100
_FIELDS = ("block", "until", "note")
_NUMBER = re.compile("[1-9][0-9]{0,5}")
_LONGEST = 200


def routes() -> list[web.RouteDef]:
    """The list, for everybody."""
    return [web.get("/opt-outs", get)]


def steering() -> list[web.RouteDef]:
    """Its changes, for operators."""
    return [web.post("/opt-outs", add), web.post("/opt-outs/remove", remove)]


async def get(request: web.Request) -> web.Response:
    """The list, `PAGE` at a time; `q=` chooses, `page=` says which."""
    return await _page(request, dict.fromkeys(_FIELDS, ""), "")


async def add(request: web.Request) -> web.Response:
    """Leave a block alone, at every worker within seconds."""
    typed = await _typed(request, _FIELDS)
    try:
        answer = await relay.ask(request, "POST", ROUTE, {"v": 1, **typed})
    except BadRequest as error:
        return await _page(request, typed, str(error))
    if answer["changed"]:
        until = typed["until"] or "for ever"
        audit(request, person(request), "opt out", f"{typed['block']}, until {until}: {typed['note']}")
    await request.app[SIGHT].fresh()
    return rendering.to(request, "opt-outs")


async def remove(request: web.Request) -> web.Response:
    """Probe a block again."""
    block = (await _typed(request, ("block",)))["block"]
    answer = await relay.ask(request, "DELETE", f"{ROUTE}?block={quote(block, safe='')}")
    if answer["changed"]:
        audit(request, person(request), "opt in again", block)
    await request.app[SIGHT].fresh()
    return rendering.to(request, "opt-outs")


async def _page(request: web.Request, typed: Mapping[str, str], refused: str) -> web.Response:
    every: Sequence[Mapping[str, Any]] = (await relay.ask(request, "GET", "/api/v1/overlay"))["overlay"]["opt_outs"]
    text = request.query.get("q", "").strip()[:_LONGEST]
    found = [each for each in every if text.casefold() in f"{each['block']} {each['note']}".casefold()]
    page = request.query.get("page", "")
    number = min(int(page) if _NUMBER.fullmatch(page) else 1, max(1, -(-len(found) // PAGE)))
    return rendering.render(
        request,
        "opt_outs.html.j2",
        422 if refused else 200,
        typed=typed,
        errors={_field(refused): [f"{refused}."]} if refused else {},
        rows=found[(number - 1) * PAGE : number * PAGE],
        found=len(found),
        whole=len(every),
        q=text,
        number=number,
        size=PAGE,
        link=f"?{urlencode({'q': text})}&page=" if text else "?page=",
    )


def _field(refused: str) -> str:
    """Beside which field a refusal stands."""
    return "note" if refused.startswith("note ") else "until" if "day" in refused else "block"


async def _typed(request: web.Request, names: Sequence[str]) -> dict[str, str]:
    form = await read_form(request)
    found = {name: form.get(name, "") for name in names}
    return {name: each.strip()[: 2 * _LONGEST] if isinstance(each, str) else "" for name, each in found.items()}
