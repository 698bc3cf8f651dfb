"""Is this instance in the table of every passing Fabio? Asked before it counts as up, and before it stops.

Each Fabio routes its own table (`/_mesh/<name>/api/routes`), so that its admin port stays on loopback. A Fabio that is
not passing in Consul is not asked: it sends nobody anything.
"""

import asyncio
import logging

from hoploom.kit import fabio_api, metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.kit.membership import Mesh

log = logging.getLogger(__name__)
ASK_TIMEOUT_S = 1.0
_POLL_S = 0.05
_TABLE = metrics.gauge(
    "hoploom_fabio_table_routes", "Routes in the table of a Fabio, as this instance last saw it.", ("fabio",)
)
_UNLISTED = metrics.gauge("hoploom_unlisted_by_fabios", "Passing Fabios whose table lacked this instance at last.")
_GONE = metrics.histogram("hoploom_drain_unrouted_seconds", "Time from maintenance mode to gone from every Fabio.")


async def missing_from(mesh: Mesh) -> list[str]:
    """Names of the passing Fabios that do not list this instance; empty for an instance without routes.

    Raises:
        Unavailable: Consul is away, so nobody knows which Fabios there are.
    """
    if not mesh.routed_ports:
        return []
    found = await _asked(mesh)
    _UNLISTED.set(sum(not all(listed) for _, listed in found) if found else 1)
    return [name for name, listed in found if not all(listed)] if found else ["any Fabio: none is passing"]


async def until_gone(mesh: Mesh, cap_s: float) -> bool:
    """Wait until no passing Fabio lists this instance; False when that was not seen within `cap_s` seconds."""
    began = boottime_s()
    try:
        async with asyncio.timeout(cap_s):
            while await _still_listed(mesh):  # noqa: ASYNC110 (the routers' tables can only be polled)
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return False
    _GONE.observe(boottime_s() - began)
    return True


async def _still_listed(mesh: Mesh) -> bool:
    try:
        return any(any(listed) for _, listed in await _asked(mesh))
    except Unavailable as error:
        log.warning("cannot see whether the routers have let go: %s", error)
        return True


async def _asked(mesh: Mesh) -> list[tuple[str, list[bool]]]:
    """Each Fabio's name, and whether it lists each port that has routes."""
    _, instances = await mesh.consul.instances(fabio_api.SERVICE)
    routers = fabio_api.routers(instances)
    tables = await asyncio.gather(*(_table(mesh, router) for router in routers))
    # One that has left would stay for ever.
    _TABLE.clear()
    for router, table in zip(routers, tables, strict=True):
        _TABLE.labels(router.name).set(len(fabio_api.without_canaries(table)))
    return [
        (router.name, [fabio_api.lists(table, mesh.address, port) for port in mesh.routed_ports])
        for router, table in zip(routers, tables, strict=True)
    ]


async def _table(mesh: Mesh, router: fabio_api.Router) -> list[fabio_api.RouteEntry]:
    return await fabio_api.routes(mesh.http.session, router.url, ASK_TIMEOUT_S)
