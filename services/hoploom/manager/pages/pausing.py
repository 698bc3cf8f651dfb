"""Pauses all probing, and lets it go on: the button on every page."""

from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.kit.forms import read_form
from hoploom.manager import access, relay
from hoploom.manager.audit import audit
from hoploom.manager.pages import rendering
from hoploom.manager.sight import SIGHT

_WORDS = {"yes": True, "no": False}


def routes() -> list[web.RouteDef]:
    """The one route, for operators."""
    return [web.post("/pause", pause)]


async def pause(request: web.Request) -> web.Response:
    """Pause everything or let it go on, and show home."""
    word = (await read_form(request)).get("paused", "")
    if not isinstance(word, str) or word not in _WORDS:
        raise BadRequest("say paused=yes or paused=no")
    await relay.ask(request, "POST", "/api/v1/overlay/pause", {"v": 1, "paused": _WORDS[word]})
    audit(request, access.person(request), "pause" if _WORDS[word] else "resume", "all probing")
    # What the page shows next is not older than what was done.
    await request.app[SIGHT].fresh()
    return rendering.to(request, "")
