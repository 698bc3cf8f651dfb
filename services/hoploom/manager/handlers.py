"""The manager's pages."""

from pathlib import Path

import jinja2
from aiohttp import web

from hoploom import __version__, kit
from hoploom.manager import views
from hoploom.manager.settings import Settings

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
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


async def home(request: web.Request) -> web.Response:
    """The page, or with `?part=main` only what changes on it."""
    found = await views.overview(kit.mesh(request), request.app[SETTINGS].latest)
    name = "main.html.j2" if request.query.get("part") == "main" else "home.html.j2"
    text = request.app[TEMPLATES].get_template(name).render(mesh=found, version=__version__)
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


async def overview(request: web.Request) -> web.Response:
    """The page's content as JSON."""
    return web.json_response(await views.overview(kit.mesh(request), request.app[SETTINGS].latest))


async def summary(request: web.Request) -> web.Response:
    """One campaign: its progress, and what became of its targets."""
    return web.json_response(await views.campaign_summary(kit.mesh(request), request.match_info["campaign"]))
