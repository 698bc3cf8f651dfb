"""Puts pages into a manager: home, fleet, mesh, campaigns, the pause of all probing, accounts and people."""

from aiohttp import web

from hoploom.kit.http_app import Handler
from hoploom.manager import access
from hoploom.manager.pages import (
    account,
    campaigns,
    caps,
    fleet,
    home,
    links,
    mesh,
    new_campaign,
    opt_outs,
    pausing,
    people,
    refusals,
)
from hoploom.manager.pages.doors import doors
from hoploom.manager.pages.home_corner import CORNER, Corner
from hoploom.manager.push.handlers import FEED
from hoploom.manager.sight import SIGHT
from hoploom.wire.people import Role


def attach(app: web.Application, named: str) -> None:
    """Have a manager show them; call it after `sight.attach`.

    Args:
        app: The application.
        named: What home links to, as `doors` reads it.

    Raises:
        ConfigError: It is no list of doors.
    """
    app.middlewares.append(_look_first)
    app[home.DOORS], app[CORNER] = doors(named), Corner()
    access.add(app, [*home.routes(), *fleet.routes(), *mesh.routes()], Role.VIEWER)
    access.add(app, [*campaigns.routes(), *opt_outs.routes(), *caps.routes()], Role.VIEWER)
    steering = [*campaigns.steering(), *new_campaign.routes(), *opt_outs.steering(), *caps.steering()]
    access.add(app, [*pausing.routes(), *steering], Role.OPERATOR)
    access.add(app, account.routes(), Role.VIEWER)
    access.add(app, people.routes(), Role.ADMIN)
    links.attach(app)


@web.middleware
async def _look_first(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pages are made of what a manager sees, and shall not be of the time before somebody came."""
    if request.method == "GET" and access.known(request) and refusals.is_for_a_person(request):
        await request.app[SIGHT].at_hand(request.app[FEED].version)
    return await handler(request)
