"""Puts the audit of routers into a manager: one leads the role, all of them tell what it has found."""

from aiohttp import web

from hoploom import kit
from hoploom.kit import Mesh, Term
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import ConfigError
from hoploom.manager import access
from hoploom.manager.auditing import record
from hoploom.manager.auditing.auditor import Auditor
from hoploom.manager.auditing.canary import LONGEST_FLIP_S
from hoploom.manager.auditing.flipping import Pace
from hoploom.manager.auditing.standing import Standing
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role

ROLE = "auditor"
ROUTE = "/api/v1/routers"
SHORTEST_S = 1.0
_PACE = web.AppKey("auditing_pace", Pace)


def attach(app: web.Application, settings: Settings) -> None:
    """Tell how routers stand.

    Raises:
        ConfigError: The canary would flip too often or too seldom.
    """
    flip_s, stall_s = settings.canary_s, settings.canary_stall_s
    if flip_s and not SHORTEST_S <= flip_s <= LONGEST_FLIP_S:
        raise ConfigError(f"--canary-s is 0 or {SHORTEST_S:g} to {LONGEST_FLIP_S:g}, not {flip_s:g}")
    if not SHORTEST_S <= stall_s <= LONGEST_FLIP_S:
        raise ConfigError(f"--canary-stall-s is {SHORTEST_S:g} to {LONGEST_FLIP_S:g}, not {stall_s:g}")
    app[_PACE] = Pace(flip_s, stall_s)
    access.add(app, [web.get(ROUTE, show)], Role.VIEWER)


async def leads(app: web.Application, term: Term) -> None:
    """What the leader of `ROLE` does."""
    await Auditor(kit.mesh(app), app[_PACE]).run(term)


async def show(request: web.Request) -> web.Response:
    """How routers stand, as the leader has written it down."""
    found = await seen(kit.mesh(request)) or Standing()
    return web.json_response(found.to_json())


async def seen(mesh: Mesh) -> Standing | None:
    """As `show` shows it, None before any leader has written; raises Unavailable where Consul is away."""
    entry = await mesh.consul.kv_get(record.KEY)
    found = record.decoded(entry.value) if entry else None
    return found.read_at(wall_us()) if found else None
