"""Puts the fleet into a manager: what people and tools ask, and what one manager watches for all."""

import asyncio
import logging

from aiohttp import web

from hoploom import kit
from hoploom.kit import Term, metrics
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.manager import access
from hoploom.manager.fleet import measured
from hoploom.manager.registry import REGISTRY
from hoploom.wire.fields import CAMPAIGN_ID
from hoploom.wire.people import Role

log = logging.getLogger(__name__)
WATCH_EVERY_S = 60.0
MOST_NAMED = 50
"""Bad pairs that get a series of their own: where there are more, nobody reads their names."""

_ONE_AT_A_TIME = web.AppKey("fleet_reading", asyncio.Lock)
_PAIRS = metrics.gauge("hoploom_fleet_pairs", "Pairs of workers that were measured, as the leader knows.", ("state",))
_BAD = metrics.gauge(
    "hoploom_fleet_pair_bad", "1 for a pair that was bad in three rounds in a row.", ("source", "destination")
)


def attach(app: web.Application) -> None:
    """Answer questions about the fleet; call it after `ads_attaching.attach`."""
    app[_ONE_AT_A_TIME] = asyncio.Lock()
    access.add(app, [web.get("/api/v1/fleet", get_fleet)], Role.OPERATOR)
    access.add(app, [web.get("/api/v1/fleet/matrix", get_matrix)], Role.VIEWER)


async def get_fleet(request: web.Request) -> web.Response:
    """Who can be probed, and by which addresses; for operators, since these are people's homes."""
    found = await measured.fleet(kit.mesh(request), request.app[REGISTRY])
    workers = [{"name": name, "addresses": list(known)} for name, known in found.items()]
    return web.json_response({"v": 1, "workers": workers})


async def get_matrix(request: web.Request) -> web.Response:
    """How workers reach each other, by the campaign that `campaign=` names or by the newest."""
    campaign = request.query.get("campaign", "")
    if campaign and not CAMPAIGN_ID.fullmatch(campaign):
        raise NotFound(f"there is no campaign {campaign[:63]!r}")
    async with request.app[_ONE_AT_A_TIME]:
        found = await measured.measured(kit.mesh(request), request.app[REGISTRY], campaign)
    return web.json_response(found.to_json())


async def watch(app: web.Application, _: Term) -> None:
    """Tell metrics of the newest matrix, for as long as the term lasts."""
    try:
        while True:
            await _look(app)
            await asyncio.sleep(WATCH_EVERY_S)
    finally:
        _PAIRS.clear()
        _BAD.clear()


async def _look(app: web.Application) -> None:
    try:
        async with app[_ONE_AT_A_TIME]:
            found = await measured.measured(kit.mesh(app), app[REGISTRY])
    except NotFound:
        return
    except Unavailable as error:
        log.info("the fleet is looked at later: %s", error)
        return
    bad = [each for each in found.pairs if each.why]
    _PAIRS.labels("bad").set(len(bad))
    _PAIRS.labels("good").set(len(found.pairs) - len(bad))
    _BAD.clear()
    for each in bad[:MOST_NAMED]:
        _BAD.labels(each.source, each.destination).set(1)
