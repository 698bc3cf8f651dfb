"""Who asks a manager, and what each of its routes needs of them: what says nothing here refuses everybody.

A person has a session's cookie; a program sends a token. What changes something is asked for more when it comes by a
cookie, which a browser sends along whoever has made the page (`same_origin`).
"""

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from aiohttp.web_urldispatcher import AbstractResource

from hoploom.kit.errors import Forbidden, Unauthorized
from hoploom.kit.http_app import OWN_ENDPOINTS, Handler
from hoploom.manager import answer_headers, same_origin
from hoploom.manager.sessions import cookie
from hoploom.manager.sessions.book import BOOK
from hoploom.wire.people import Role

SIGN_IN = "/sign-in"
OPEN_BODY_BYTES = 2**20
"""What a body may have on routes that are open to all, where their handler reads it at once."""

OPEN_FORM_BYTES = 2**14
"""What a form may have there: a name, a password and a way back, each letter of them written as %XX."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
RENEWS = "X-Renews"
"""Says that nobody does anything: a page that is open looks for what is new (`static/live.js`)."""

_SCHEMES = ("bearer", "key")
"""The second is how clients of RIPE Atlas send theirs."""

# What aiohttp puts in the place of bytes that are no UTF-8.
_RAW = "surrogateescape"


@dataclass(frozen=True)
class Person:
    """Who asks.

    Attributes:
        name: Of the user; "operator" for whoever has the operators' token of the mesh.
        role: What this person may do.
        csrf: What a form has to say in its field `csrf`; empty where no cookie says who asks.
        by: "session", "token" of a person, or "mesh" for the operators' token.
        session: What the session is called in the store; empty where there is none.
    """

    name: str
    role: Role
    csrf: str = ""
    by: str = "session"
    session: str = ""


TokenReader = Callable[[str], Person | None]
"""Says whose a person's token is: None where it is nobody's; raises Unavailable while that is not known."""

TOKENS: web.AppKey[TokenReader] = web.AppKey("access_tokens")
_OPERATOR = web.AppKey("access_operator_token", str)
_Needs = dict[tuple[AbstractResource | None, str], Role | None]
_NEEDS: web.AppKey[_Needs] = web.AppKey("access_needs")
_PERSON = web.RequestKey("access_person", Person)


def attach(app: web.Application, operator_token: str, *, development: bool = False) -> None:
    """Ask everybody who they are; call it right after `kit.setup`, whose endpoints stay open.

    Args:
        app: The manager.
        operator_token: The operators' token of the mesh; empty where this instance was given none.
        development: Whether people may sign in by plain HTTP.
    """
    app[_OPERATOR], app[cookie.DEVELOPMENT] = operator_token, development
    app[_NEEDS] = needs = _Needs()
    for route in app.router.routes():
        if route.resource and route.resource.canonical in OWN_ENDPOINTS:
            needs[route.resource, _method(route)] = None
    app.middlewares.append(_ask)
    answer_headers.attach(app)


def add(app: web.Application, routes: Iterable[web.AbstractRouteDef], need: Role | None) -> None:
    """Add routes.

    Args:
        app: The manager, after `attach`.
        routes: The routes.
        need: The least role that may use them; None for those that are open to all, or have a guard of their own.
    """
    for route in app.add_routes(routes):
        app[_NEEDS][route.resource, _method(route)] = need


def person(request: web.Request) -> Person:
    """Who asks, on a route that needs a role."""
    return request[_PERSON]


def name(request: web.Request) -> str:
    """The name of who asks, on a route that needs a role."""
    return person(request).name


def known(request: web.Request) -> Person | None:
    """Who asks, or None on a route that is open to all."""
    return request.get(_PERSON)


@web.middleware
async def _ask(request: web.Request, handler: Handler) -> web.StreamResponse:
    need = _need(request)
    if need is None:
        return await handler(_short(request) if request.body_exists else request)
    found = await _who(request)
    if found is None:
        if _is_page(request):
            return _to_sign_in(request)
        raise Unauthorized("sign in, or send `Authorization: Bearer <token>`")
    # Also for the page that says why not.
    request[_PERSON] = found
    if found.role < need:
        raise Forbidden(f"this needs the role {need.word}, and {found.name} is {found.role.word}: ask an admin")
    if found.by == "session":
        word = "" if request.method in _SAFE else found.csrf
        await same_origin.require(request, word, files=need >= Role.OPERATOR)
    return await handler(request)


def _short(request: web.Request) -> web.Request:
    """A request of which no long body is read: who sends it may be anybody."""
    is_form = request.content_type in same_origin.FORMS
    return request.clone(client_max_size=OPEN_FORM_BYTES if is_form else OPEN_BODY_BYTES)


def _need(request: web.Request) -> Role | None:
    route = request.match_info.route
    if route.resource is None:
        # Nobody has this path, or not with this method: aiohttp says so.
        return None
    needs, key = request.app[_NEEDS], (route.resource, _method(route))
    if key not in needs:
        raise Forbidden(f"nobody may use {route.resource.canonical}: it does not say whom it is for")
    return needs[key]


async def _who(request: web.Request) -> Person | None:
    if "Authorization" in request.headers:
        return _by_token(request)
    session = await request.app[BOOK].find(cookie.read(request), is_use=RENEWS not in request.headers)
    return Person(session.user, session.role, session.csrf, session=session.digest) if session else None


def _by_token(request: web.Request) -> Person:
    scheme, _, sent = request.headers["Authorization"].partition(" ")
    token = request.app[_OPERATOR]
    if scheme.lower() in _SCHEMES and sent:
        if token and hmac.compare_digest(sent.encode("utf-8", _RAW), token.encode("utf-8", _RAW)):
            return Person("operator", Role.ADMIN, by="mesh")
        found = request.app[TOKENS](sent) if TOKENS in request.app else None
        if found is not None:
            return found
    raise Unauthorized("the token is wrong, or is good no more: send `Authorization: Bearer <token>`")


def _is_page(request: web.Request) -> bool:
    """Whether somebody looks at a page, and not a program at data."""
    accepts_pages = "text/html" in request.headers.get("Accept", "")
    return request.method in ("GET", "HEAD") and accepts_pages and not request.path.startswith("/api/")


def _to_sign_in(request: web.Request) -> web.Response:
    """By a relative address: what the router has taken from the path's beginning is not known here."""
    up, here = "../" * (request.rel_url.raw_path.count("/") - 1), str(request.rel_url).removeprefix("/")
    way_back = f"?next={quote(here, safe='')}" if here else ""
    return web.Response(status=303, headers={"Location": f"{up or './'}{SIGN_IN[1:]}{way_back}"})


def _method(route: web.AbstractRoute) -> str:
    return "GET" if route.method == "HEAD" else route.method
