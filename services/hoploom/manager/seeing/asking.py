"""Asks the parts of the mesh how they are. Each either answers wholly or raises Unavailable with one sentence."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from hoploom.kit import Mesh, fabio_api
from hoploom.kit.errors import Unavailable
from hoploom.kit.fabio_api import Router
from hoploom.kit.roles import roles
from hoploom.manager.seeing.deploys import FOLDER, Deploying, standing
from hoploom.manager.seeing.seen import InstanceSeen, Owners, Results, instance_seen, worst_first
from hoploom.manager.seeing.tables import Table
from hoploom.routing.audit_observed import target_of
from hoploom.wire.probe import KINDS, PING

SERVICES = ("input", "output", "manager", "ping")
_TABLE_S = 1.0
_OTHERS_MOST = 20
"""Each is a question to Consul, while somebody looks at the page."""


async def instances(mesh: Mesh) -> tuple[InstanceSeen, ...]:
    """Every instance with its health, worst first."""
    try:
        answers = await asyncio.gather(*(mesh.consul.instances(name, passing=False) for name in SERVICES))
    except Unavailable as error:
        raise Unavailable(f"Consul is away, so health is unknown: {error}") from error
    return worst_first([instance_seen(each) for _, found in answers for each in found])


async def campaigns(mesh: Mesh) -> tuple[Mapping[str, Any], ...]:
    """Campaigns with the progress of their groups, newest first."""
    found = await _input(mesh, "/api/v1/campaigns")
    return tuple(reversed(found["campaigns"]))


async def overlay(mesh: Mesh) -> Mapping[str, Any] | None:
    """What is paused, the caps, and how many blocks are opted out."""
    found = await _input(mesh, "/api/v1/overlay/summary")
    return found


async def owners(mesh: Mesh) -> Owners:
    """Who owns the slots."""
    found = await _input(mesh, "/api/v1/slots")
    count = Counter(each["owner"] for each in found["slots"])
    return Owners(dict(count.most_common()), int(found["unowned"]))


async def leaders(mesh: Mesh) -> tuple[Mapping[str, Any], ...]:
    """Who leads which role, since when, and under which token."""
    try:
        found = await roles(mesh.consul, mesh.settings.roles_prefix)
    except Unavailable as error:
        raise Unavailable(f"Consul is away, so leaders are unknown: {error}") from error
    return tuple(
        {"role": each.name, "instance": each.instance, "since_us": each.since_us, "index": each.index}
        for each in found
    )


async def deploys(mesh: Mesh) -> tuple[Deploying, ...]:
    """Deploys that go on, and how the last ones ended; one datacenter has them for all (`deploying.lock`)."""
    try:
        home = min(await mesh.consul.datacenters())
        _, found = await mesh.consul.kv_of("" if home == mesh.dc else home, FOLDER)
    except Unavailable as error:
        raise Unavailable(f"Consul does not say which deploys go on: {error}") from error
    return standing(found)


async def tables(mesh: Mesh) -> tuple[Table, ...]:
    """The route table of every passing router; one that does not answer has none, and says why."""
    try:
        _, found = await mesh.consul.instances(fabio_api.SERVICE)
    except Unavailable as error:
        raise Unavailable(f"Consul is away, so routers are unknown: {error}") from error
    read = await asyncio.gather(*(_table(mesh, each) for each in fabio_api.routers(found)))
    others = await _others(mesh, {each.service for table in read for each in table.routes})
    return tuple(replace(each, others=others) for each in read)


async def latest_results(mesh: Mesh, limit: int) -> Results:
    """The newest rows of all outputs that answer, of every kind."""
    rows: list[dict[str, Any]] = []
    silent = ""
    for kind in KINDS:
        path = f"/api/v1/results?kind={kind}&limit={limit}"
        try:
            answers = await mesh.client("output").each("GET", path)
        except Unavailable as error:
            raise Unavailable(f"no output instance is known: {error}") from error
        for instance, answer in answers:
            if isinstance(answer, Unavailable):
                silent = f"{instance.id} does not answer: {answer}"
            elif not answer.ok:
                silent = f"{instance.id} refuses: {answer.reason()}"
            else:
                # An output of the version before knows no kinds, and tells of pings whatever is asked.
                rows += [_result(row) for row in answer.json()["results"] if row.get("kind", PING) == kind]
    return Results(tuple(sorted(rows, key=lambda row: -int(row["at_us"]))[:limit]), silent)


async def _input(mesh: Mesh, path: str) -> dict[str, Any]:
    try:
        answer = await mesh.client("input").request("GET", path)
    except Unavailable as error:
        raise Unavailable(f"the input service is away: {error}") from error
    if not answer.ok:
        raise Unavailable(f"the input service refuses: {answer.reason()}")
    found: dict[str, Any] = answer.json()
    return found


async def _table(mesh: Mesh, router: Router) -> Table:
    try:
        found = await fabio_api.routes(mesh.http.session, router.url, _TABLE_S)
        return Table(router.name, tuple(fabio_api.without_canaries(found)))
    except Unavailable as error:
        return Table(router.name, away=str(error))


async def _others(mesh: Mesh, services: Set[str]) -> dict[str, str]:
    """Names of instances of services that are not the mapper's, by `address:port`; of so many services at most.

    Among strangers their services are their own affair.
    """
    others = [] if mesh.settings.service_prefix else sorted(services - {*SERVICES, *fabio_api.OWN})[:_OTHERS_MOST]
    try:
        answers = await asyncio.gather(*(mesh.consul.instances(each, passing=False) for each in others))
    except Unavailable:
        # They are shown by their addresses then.
        return {}
    return {target_of(each): each.id for _, found in answers for each in found}


def _result(row: Mapping[str, Any]) -> dict[str, Any]:
    """A result as every kind is shown: the time to the target, if it answered, and how far away it is, if known."""
    if row.get("kind", PING) == PING:
        return {**row, "kind": PING, "rtt_us": row["rtt_avg_us"], "distance": None}
    last = row["hops"][-1] if row["outcome"] == "reached" and row["hops"] else {}
    return {**row, "hops": len(row["hops"]), "rtt_us": last.get("rtt_us")}
