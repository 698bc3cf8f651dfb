"""Self-registration: an instance enters itself and its checks at the local agent, and stays entered.

Nobody else registers it. Two checks: `alive` (the event loop answers; sessions bind to it) and `ready` (local state;
it decides routing). An instance without inbound access sends heartbeats instead. What dies uncleanly is removed by
Consul after a minute, the shortest time that it knows.
"""

import asyncio
import logging
from typing import Any

from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_app import readiness
from hoploom.kit.membership import Mesh

log = logging.getLogger(__name__)
DEREGISTER_AFTER = "1m"
LOOK_EVERY_S = 1.0
AWAY_EVERY_S = 0.05
"""An agent that is back tells the routers what it takes the checks for at once; who asks earlier is out for less."""

# A machine that is busy for a second must not take every instance out of every table: whoever is dead refuses at once,
# and only who hangs is waited for. A leader that hangs is noticed by `alive`, within three seconds and a half.
ALIVE_TIMEOUT, READY_TIMEOUT = "2s", "5s"
# A heartbeat every second against a TTL of 15 s: fourteen may be lost.
TTL_S = 15
_REGISTERED = metrics.counter("hoploom_registrations_total", "Registrations at the agent, the first and each repair.")
_REACHABLE = metrics.gauge("hoploom_consul_reachable", "1 while the local agent answers, else 0.")


def record(mesh: Mesh, *, vouched: bool = False) -> dict[str, Any]:
    """The body that registers this instance (HashiCorp, "Service - Agent HTTP API").

    Args:
        mesh: The instance.
        vouched: Enter the checks as passing, because this instance served all the time while its agent was away. An
            agent that was restarted takes every HTTP check for critical until it has asked, and may tell the routers.
    """
    described = dict(mesh.described())
    checks = _http_checks(mesh) if mesh.inbound else [_heartbeat_check(mesh)]
    return {
        "ID": mesh.id,
        "Name": mesh.names.service(mesh.name),
        "Address": mesh.address if mesh.port else "",
        "Port": mesh.port,
        "Tags": [*(mesh.names.route(route).tag() for route in mesh.routes), described["version"]],
        "Meta": described,
        "Checks": [{**check, "Status": "passing"} for check in checks] if vouched else checks,
    }


def _http_checks(mesh: Mesh) -> list[dict[str, Any]]:
    host = f"[{mesh.address}]" if ":" in mesh.address else mesh.address
    return [
        {
            "CheckID": f"{mesh.id}:{check}",
            "Name": check,
            "HTTP": f"http://{host}:{mesh.port}{path}?instance={mesh.id}",
            "Interval": f"{mesh.settings.check_interval_s:g}s",
            "Timeout": timeout,
            "DeregisterCriticalServiceAfter": DEREGISTER_AFTER,
        }
        for check, path, timeout in (("alive", "/health", ALIVE_TIMEOUT), ("ready", "/ready", READY_TIMEOUT))
    ]


def _heartbeat_check(mesh: Mesh) -> dict[str, Any]:
    return {
        "CheckID": mesh.alive_check,
        "Name": "heartbeat",
        "TTL": f"{TTL_S}s",
        "DeregisterCriticalServiceAfter": DEREGISTER_AFTER,
    }


async def keep(mesh: Mesh) -> None:
    """Keep this instance registered for ever: at first, and again whenever the agent has lost it."""
    away = False
    while True:
        try:
            await _look(mesh, returned=away)
            away = False
        except Unavailable as error:
            if not away:
                log.warning("serving on without Consul: %s", error)
            away = True
        _REACHABLE.set(not away)
        await asyncio.sleep(AWAY_EVERY_S if away else LOOK_EVERY_S)


async def _look(mesh: Mesh, *, returned: bool) -> None:
    known = await mesh.consul.service(mesh.id)
    if known is None or returned:
        served = returned and mesh.consul_seen_s > float("-inf")
        vouched = served and (await readiness(mesh))[0]
        if vouched and known is not None:
            # An agent that was restarted takes all checks for critical, and tells the routers so within three seconds.
            # That this ends the session too cannot be helped: it tells the servers before a check can be made to pass.
            await mesh.consul.pass_critical_checks(mesh.id)
        await mesh.consul.register(record(mesh, vouched=vouched))
        _REGISTERED.inc()
        log.info("registered %s at %s:%s", mesh.id, mesh.address, mesh.port)
    mesh.consul_seen_s = boottime_s()
    if not mesh.inbound:
        good, words = await readiness(mesh)
        await mesh.consul.heartbeat(mesh.alive_check, "passing" if good else "warning", words)
