"""Self-registration: an instance enters itself and its checks at the local agent, and stays entered.

Nobody else registers it. Two checks: `alive` (the event loop answers; sessions bind to it) and `ready` (local state;
it decides routing). An instance without inbound access sends heartbeats instead. What dies uncleanly is removed by
Consul after a minute, the shortest time that it knows.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_app import readiness
from hoploom.kit.membership import Mesh
from hoploom.kit.ports import FurtherPort

log = logging.getLogger(__name__)
DEREGISTER_AFTER = "1m"
BESIDE = "beside"
"""Metadata of a further port: the id of the instance that it belongs to."""

LOOK_EVERY_S = 1.0
AWAY_EVERY_S = 0.05
"""An agent that is back tells the routers what it takes the checks for at once; who asks earlier is out for less."""

# A machine that is busy for seconds must not take every instance out of every table: with 2 s for `alive`, all of a
# service were out at once where requests took 5 s. Whoever is dead refuses at once, and is out as soon as a check asks
# (1 s); only who hangs is waited for, and is out 6 s after that at the latest. More would help a busy machine further,
# but a leader that hangs has to be noticed by `alive` well before its session's TTL (10 s) ends. Not Consul's
# `FailuresBeforeCritical`: it counts refused connections too, so who is dead would be routed to for longer.
ALIVE_TIMEOUT, READY_TIMEOUT = "5s", "5s"
# The kernel takes connections for a loop that is busy.
LISTENS_TIMEOUT = "2s"
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
        "Checks": _entered(checks, vouched=vouched),
    }


def record_of(mesh: Mesh, further: FurtherPort, *, vouched: bool = False) -> dict[str, Any]:
    """The body that registers a further port: routed while it listens and the instance is ready.

    Without `booted_at_us`, since it has no metrics of its own.
    """
    told, name = dict(mesh.described()), f"{mesh.name}-{further.port.name}"
    service_id = mesh.further_id(further)
    listens = {
        "CheckID": f"{service_id}:listens",
        "Name": "listens",
        "TCP": f"{_host(mesh)}:{further.number}",
        "Interval": f"{mesh.settings.check_interval_s:g}s",
        "Timeout": LISTENS_TIMEOUT,
        "DeregisterCriticalServiceAfter": DEREGISTER_AFTER,
    }
    ready = {**_http_checks(mesh)[-1], "CheckID": f"{service_id}:ready"}
    return {
        "ID": service_id,
        "Name": mesh.names.service(name),
        "Address": mesh.address,
        "Port": further.number,
        "Tags": [*(mesh.names.route(route).tag() for route in further.routes), told["version"]],
        "Meta": {BESIDE: mesh.id, **{key: told[key] for key in ("version", "dc", "allocation") if key in told}},
        "Checks": _entered([listens, ready], vouched=vouched),
    }


def _entered(checks: list[dict[str, Any]], *, vouched: bool) -> list[dict[str, Any]]:
    return [{**check, "Status": "passing"} for check in checks] if vouched else checks


def _host(mesh: Mesh) -> str:
    return f"[{mesh.address}]" if ":" in mesh.address else mesh.address


def _http_checks(mesh: Mesh) -> list[dict[str, Any]]:
    return [
        {
            "CheckID": f"{mesh.id}:{check}",
            "Name": check,
            "HTTP": f"http://{_host(mesh)}:{mesh.port}{path}?instance={mesh.id}",
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
    await _enter(mesh, mesh.id, partial(record, mesh), returned=returned)
    for each in mesh.further:
        await _enter(mesh, mesh.further_id(each), partial(record_of, mesh, each), returned=returned)
    mesh.consul_seen_s = boottime_s()
    if not mesh.inbound:
        good, words = await readiness(mesh)
        await mesh.consul.heartbeat(mesh.alive_check, "passing" if good else "warning", words)


async def _enter(mesh: Mesh, service_id: str, written: Callable[..., dict[str, Any]], *, returned: bool) -> None:
    """Register where the agent has lost it, or may hold it for critical since it `returned`."""
    known = await mesh.consul.service(service_id)
    if known is not None and not returned:
        return
    served = returned and mesh.consul_seen_s > float("-inf")
    vouched = served and (await readiness(mesh))[0]
    if vouched and known is not None:
        # An agent that was restarted takes all checks for critical, and tells the routers so within three seconds.
        # That this ends the session too cannot be helped: it tells the servers before a check can be made to pass.
        await mesh.consul.pass_critical_checks(service_id)
    body = written(vouched=vouched)
    await mesh.consul.register(body)
    _REGISTERED.inc()
    log.info("registered %s at %s:%s", service_id, mesh.address, body["Port"])
