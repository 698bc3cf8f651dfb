"""Caps: how many packets a second all workers together send at most, to one campaign and to one network."""

import re
from collections.abc import Mapping, Sequence

from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.kit.forms import read_form
from hoploom.manager import relay
from hoploom.manager.access import person
from hoploom.manager.audit import audit
from hoploom.manager.pages import rendering
from hoploom.manager.sight import SIGHT

NAMES = ("rate_pps", "network_pps")
_DIGITS = re.compile("[0-9]{1,15}")
_SLIP = "This is a whole number, such as 100; 0 sets no cap."
Errors = Mapping[str, Sequence[str]]


def routes() -> list[web.RouteDef]:
    """What holds, for everybody."""
    return [web.get("/caps", get)]


def steering() -> list[web.RouteDef]:
    """What operators may change."""
    return [web.post("/caps", post)]


async def get(request: web.Request) -> web.Response:
    """What holds now."""
    known = await relay.ask(request, "GET", "/api/v1/overlay/summary")
    return _page(request, {name: str(known[name]) for name in NAMES}, {}, changed="changed" in request.query)


async def post(request: web.Request) -> web.Response:
    """Set both."""
    form = await read_form(request)
    sent = {name: form.get(name, "") for name in NAMES}
    typed = {name: each.strip()[:20] if isinstance(each, str) else "" for name, each in sent.items()}
    slips = {name: [_SLIP] for name, text in typed.items() if not _DIGITS.fullmatch(text.replace(",", ""))}
    if slips:
        return _page(request, typed, slips)
    caps = {name: int(text.replace(",", "")) for name, text in typed.items()}
    try:
        answer = await relay.ask(request, "POST", "/api/v1/overlay/caps", {"v": 1, **caps})
    except BadRequest as error:
        return _page(request, typed, {str(error).partition(" of ")[0]: [f"{error}."]})
    if answer["changed"]:
        what = f"{caps['rate_pps']} to a campaign, {caps['network_pps']} to a network"
        audit(request, person(request), "set caps", what)
    await request.app[SIGHT].fresh()
    return rendering.to(request, "caps?changed")


def _page(
    request: web.Request, typed: Mapping[str, str], errors: Errors, *, changed: bool = False
) -> web.Response:
    status = 422 if errors else 200
    return rendering.render(request, "caps.html.j2", status, typed=typed, errors=errors, changed=changed)
