"""The manager's pages."""

import datetime
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from hoploom import __version__, kit
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.manager import views
from hoploom.manager.dyfi import handlers as dyfi
from hoploom.manager.registry import REGISTRY
from hoploom.manager.settings import Settings
from hoploom.wire import routes

HERE = Path(__file__).resolve().parent
SETTINGS = web.AppKey("manager_settings", Settings)
TEMPLATES = web.AppKey("manager_templates", jinja2.Environment)
# Nothing from elsewhere is loaded, and nobody else may frame the page.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def templates() -> jinja2.Environment:
    """Strict, autoescaping templates."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"duration": duration, "moment": moment}
    return found


def duration(seconds: float) -> str:
    """Seconds as people say them: `45 s`, `12 min`, `3.5 h`, `2.1 d`."""
    for most, unit_s, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < most:
            return f"{seconds / unit_s:.{1 if unit == 'h' else 0}f} {unit}"
    return f"{seconds / 86400:.1f} d"


def moment(at_us: int) -> str:
    """Microseconds since 1970 as a day and a time in UTC."""
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


async def home(request: web.Request) -> web.Response:
    """The page, or with `?part=main` only what changes on it."""
    found = await _overview(request)
    name = "main.html.j2" if request.query.get("part") == "main" else "home.html.j2"
    text = request.app[TEMPLATES].get_template(name).render(mesh=found, version=__version__)
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


async def overview(request: web.Request) -> web.Response:
    """The page's content as JSON."""
    return web.json_response(await _overview(request))


async def _overview(request: web.Request) -> dict[str, Any]:
    app, mesh = request.app, kit.mesh(request)
    found = await views.overview(mesh, app[SETTINGS].latest, app[REGISTRY].workers())
    names, problems = await dyfi.on_page(mesh, app[dyfi.NAMES])
    return {**found, "dyfi": names, "problems": [*found["problems"], *problems]}


async def summary(request: web.Request) -> web.Response:
    """One campaign: its progress, and what became of its targets."""
    return web.json_response(await views.campaign_summary(kit.mesh(request), request.match_info["campaign"]))


async def elsewhere(request: web.Request) -> web.Response:
    """What nothing else has: a path of another service comes here while no router knows an instance of that.

    Raises:
        Unavailable: The path is another service's: it is away for the moment, and not unknown.
        NotFound: Nobody has it.
    """
    service = routes.owner(request.path)
    if service != "manager":
        raise Unavailable(f"no healthy {service} is routed to just now: try again")
    raise NotFound(f"there is no {request.path}")
