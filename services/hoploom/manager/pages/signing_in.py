"""The page on which people sign in, and the way out."""

import re

from aiohttp import web

from hoploom.kit.errors import Unavailable
from hoploom.kit.forms import read_form
from hoploom.manager import same_origin
from hoploom.manager.pages.rendering import render, to
from hoploom.manager.pages.words import sentence
from hoploom.manager.sessions import entering

_WRONG = "That name and that password do not belong together. Check both; an admin can give you a new password."
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=@%/?-]*")
_LONGEST_PATH = 2_000
_LONGEST_NAME, _LONGEST_PASSWORD = 200, 2_000


def routes() -> list[web.RouteDef]:
    """What nobody has to be signed in for."""
    return [web.get("/sign-in", show), web.post("/sign-in", sign_in)]


def leaving() -> list[web.RouteDef]:
    """What only those may do who are signed in."""
    return [web.post("/sign-out", sign_out)]


async def show(request: web.Request) -> web.Response:
    """The form."""
    way_back = _way_back(request.query.get("next", ""))
    # A browser keeps the cookie back where somebody else's page leads here; from our own page it comes.
    again = request.headers.get("Sec-Fetch-Site", "") in ("cross-site", "same-site")
    return _page(request, way_back, again=again)


async def sign_in(request: web.Request) -> web.Response:
    """Let somebody in; the same answer whatever is wrong."""
    same_origin.require_origin(request, told=True)
    sent = await read_form(request)
    name, password, way_back = (str(sent.get(each, "")) for each in ("name", "password", "next"))
    way_back = _way_back(way_back)
    try:
        user = await entering.signs_in(request, name[:_LONGEST_NAME], password[:_LONGEST_PASSWORD])
        if user is None:
            return _page(request, way_back, status=401, problem=_WRONG, typed=name)
        response = to(request, way_back)
        await entering.let_in(request, response, user)
    except Unavailable as error:
        response = _page(request, way_back, status=error.status, problem=sentence(error), typed=name)
        response.headers["Retry-After"] = f"{max(1, round(error.retry_after_s))}"
    return response


async def sign_out(request: web.Request) -> web.Response:
    """End this session."""
    response = to(request, "sign-in")
    await entering.let_out(request, response)
    return response


def _page(request: web.Request, way_back: str, status: int = 200, **values: object) -> web.Response:
    shown = {"problem": "", "typed": "", "again": False, **values}
    return render(
        request, "signing_in.html.j2", status, next=way_back, open=entering.may_sign_in(request), **shown
    )


def _way_back(path: str) -> str:
    """Where to go then: a page of ours, by a relative path; home for anything else."""
    found = path[:_LONGEST_PATH]
    if not _PATH.fullmatch(found) or found.startswith(("/", "sign-in")):
        return ""
    return found
