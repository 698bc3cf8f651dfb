"""Who may read campaigns and results: anybody, or whoever shows a good token of any kind (setting `open_reading`)."""

from collections.abc import Iterable
from functools import partial

from aiohttp import web

from hoploom.kit import credentials
from hoploom.kit.errors import Forbidden, Unauthorized
from hoploom.kit.http_app import OWN_ENDPOINTS, Handler
from hoploom.trust import people
from hoploom.trust.attaching import GUARD

_READ = frozenset({"GET", "HEAD"})
_OPERATOR = web.AppKey("reading_operator_token", str)


def attach(app: web.Application, operator_token: str, *, is_open: bool) -> None:
    """Let everybody read, or ask each who he is; what a route asks for beside that it asks itself.

    Whether this instance is alive and ready, and its metrics, everybody may see.

    Args:
        app: The application, after `kit.setup` and `trust.attaching.attach`.
        operator_token: The operators' token; empty where this instance was given none.
        is_open: Whether everybody may read.
    """
    app[_OPERATOR] = operator_token
    if not is_open:
        app.middlewares.append(_ask)


def guarded(routes: Iterable[web.RouteDef], *, is_open: bool) -> list[web.RouteDef]:
    """The routes for a second port, which has no middlewares of the application's."""
    if is_open:
        return list(routes)
    return [
        web.RouteDef(each.method, each.path, partial(_guarded, each.handler), each.kwargs)
        for each in routes
    ]


async def require(request: web.Request) -> None:
    """Let whoever has a good token pass: a person's, the operators', the mesh's or a worker's credential.

    Raises:
        Unauthorized: There is none, or none that is good.
        Forbidden: The worker is revoked, or this instance was given no token to compare with.
        Unavailable: It cannot be told now.
    """
    if people.shown(request) is not None:
        return
    try:
        credentials.require(request, request.app[_OPERATOR])
    except (Unauthorized, Forbidden):
        await request.app[GUARD].caller(request)


async def _guarded(handler: Handler, request: web.Request) -> web.StreamResponse:
    await require(request)
    return await handler(request)


@web.middleware
async def _ask(request: web.Request, handler: Handler) -> web.StreamResponse:
    resource = request.match_info.route.resource
    if resource is not None and request.method in _READ and resource.canonical not in OWN_ENDPOINTS:
        await require(request)
    return await handler(request)
