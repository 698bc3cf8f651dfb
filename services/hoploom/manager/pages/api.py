"""API: every call of every service, as a person reads it; `openapi.json` says the same to tools."""

from dataclasses import dataclass

from aiohttp import web

from hoploom.manager.pages import rendering
from hoploom.wire.api import TABLES
from hoploom.wire.api.describing import Call


@dataclass(frozen=True)
class Section:
    """The calls of one service.

    Attributes:
        service: Its name.
        calls: In the order of their paths.
    """

    service: str
    calls: tuple[Call, ...]


def routes() -> list[web.RouteDef]:
    """The one page."""
    return [web.get("/api", api)]


def sections() -> list[Section]:
    """What each service answers; what all of them do is a section of its own."""
    common = set.intersection(*({(call.method, call.path) for call in calls} for calls in TABLES.values()))
    found = [
        Section(service, tuple(sorted((call for call in calls if (call.method, call.path) not in common), key=_order)))
        for service, calls in TABLES.items()
    ]
    shared = (call for call in next(iter(TABLES.values())) if (call.method, call.path) in common)
    return [*(each for each in found if each.calls), Section("every service", tuple(sorted(shared, key=_order)))]


async def api(request: web.Request) -> web.Response:
    """The page."""
    return rendering.render(request, "api.html.j2", sections=_SECTIONS)


def _order(call: Call) -> tuple[str, str]:
    return call.path, call.method


_SECTIONS = sections()
