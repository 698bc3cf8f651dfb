"""The HTTP API of all services, from the tables of `wire.api`: `/openapi.json` for tools, `/api` for people."""

import json

from aiohttp import web

from hoploom import __version__
from hoploom.manager import access
from hoploom.manager.pages import api
from hoploom.wire.api import TABLES
from hoploom.wire.api.describing import document
from hoploom.wire.people import Role

_BODY = web.AppKey("manager_openapi", bytes)


def attach(app: web.Application) -> None:
    """Have a manager say what its mesh answers."""
    app[_BODY] = json.dumps(document(TABLES, __version__), indent=1).encode()
    access.add(app, [web.get("/openapi.json", get_document)], None)
    access.add(app, api.routes(), Role.VIEWER)


async def get_document(request: web.Request) -> web.Response:
    """The document; the same for everybody, since it holds no more than the program does."""
    return web.Response(body=request.app[_BODY], content_type="application/json")
