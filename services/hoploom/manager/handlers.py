"""What a manager answers besides its pages: the overview and a campaign's summary as JSON, and what nobody has."""

from pathlib import Path
from typing import Any

from aiohttp import web

from hoploom import kit
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.manager import campaign_summary, edge_workers
from hoploom.manager.claimed import CLAIMS
from hoploom.manager.settings import Settings
from hoploom.manager.sight import SIGHT
from hoploom.wire.routes import owner

HERE = Path(__file__).resolve().parent
SETTINGS = web.AppKey("manager_settings", Settings)
_CAMPAIGNS = 10


def routes() -> list[web.RouteDef]:
    """What everybody sees who may see anything."""
    return [web.get("/api/v1/overview", overview), web.get("/api/v1/summary/{campaign}", summary)]


async def overview(request: web.Request) -> web.Response:
    """The mesh as JSON, of a look that begins now."""
    seen = await request.app[SIGHT].fresh()
    document: dict[str, Any] = {
        "v": 1,
        "manager": seen.manager,
        "dc": seen.dc,
        "problems": [each.text for each in seen.problems],
        "advice": [{"kind": each.kind, "text": each.text, "do": each.do} for each in seen.problems],
        "overlay": seen.overlay.found,
        "instances": [each.to_json() for each in seen.instances.found],
        "workers": edge_workers.rows(seen.workers),
        "campaigns": list(seen.campaigns.found[:_CAMPAIGNS]),
        "leaders": list(seen.leaders.found),
        "owners": [{"instance": name, "slots": count} for name, count in seen.owners.found.slots.items()],
        "results": list(seen.results.found.rows),
        "dyfi": seen.names.found,
        "routers": seen.routers.found.to_json() if seen.routers.found else None,
        "events": [each.to_json() for each in seen.events.found],
    }
    return web.json_response(document)


async def summary(request: web.Request) -> web.Response:
    """One campaign: its progress, and what became of its targets."""
    return web.json_response(await campaign_summary.campaign_summary(kit.mesh(request), request.match_info["campaign"]))


async def elsewhere(request: web.Request) -> web.Response:
    """What nothing else has: a path of another service comes here while no router knows an instance of that.

    Raises:
        Unavailable: The path is another service's: it is away for the moment, and not unknown.
        NotFound: Nobody has it.
    """
    service = owner(request.path)
    if service == "manager":
        service = await request.app[CLAIMS].owner(request.host, request.path)
    if service:
        raise Unavailable(f"no healthy {service} is routed to just now: try again")
    raise NotFound(f"there is no {request.path}")
