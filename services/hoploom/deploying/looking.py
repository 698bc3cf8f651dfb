"""Looks at a service: its instances in Consul and in every Fabio, its job, deployment and allocations in Nomad."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from hoploom.deploying.job_records import Allocation, Deployment, Job
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.sight import Member, Sight
from hoploom.kit import fabio_api
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.errors import Unavailable
from hoploom.kit.fabio_api import RouteEntry, Router
from hoploom.kit.http_client import HttpClient

ASK_S = 2.0
_OUTPUT, _WORDS = "Output:", 200
_ROUTE = "urlprefix-"
# Nomad names what it registers itself by the allocation.
_OF_NOMAD = re.compile(r"_nomad-[a-z]+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-")


class Looker:
    """Looks at one service in some datacenters."""

    def __init__(
        self, consul: ConsulApi, http: HttpClient, service: str, routers: Mapping[str, Sequence[Router]],
        passing: Callable[[str], Awaitable[Sequence[Router]]] | None = None,
    ) -> None:  # fmt: skip
        """Know where to look.

        Args:
            consul: The agent.
            http: The pool for the routers.
            service: Name of the service.
            routers: The Fabios of each datacenter; its keys are the datacenters.
            passing: Those that pass in a datacenter now; None where that cannot be asked.
        """
        self._consul, self._http, self.service, self.routers = consul, http, service, routers
        self._passing = passing
        self.found: list[Instance] = []

    async def instances(self) -> list[Instance]:
        """All instances, healthy or not."""
        found = await asyncio.gather(
            *(self._consul.instances(self.service, passing=False, dc=dc) for dc in self.routers)
        )
        self.found = [each for _, instances in found for each in instances]
        return self.found

    async def members(self, allocations: Sequence[Allocation], versions: Mapping[int, str]) -> tuple[Member, ...]:
        """The job's instances, and its allocations that have registered none.

        Args:
            allocations: Of the job.
            versions: Version by the number of the job.
        """
        instances, tables = await asyncio.gather(self.instances(), self._tables())
        by_id = {each.id: each for each in allocations}
        found = []
        for each in instances:
            mine = by_id.get(_allocation(each))
            # What was killed stands in Consul for another minute; what is not the job's is no matter of Nomad's.
            if mine is not None and not mine.ended:
                found.append(_member(each, mine, versions, tables.get(each.dc, ())))
        claimed = {_allocation(each) for each in instances}
        silent = [each for each in allocations if not each.ended and each.id not in claimed]
        return (*found, *(_silent(each, versions) for each in silent))

    async def _tables(self) -> dict[str, list[list[RouteEntry]]]:
        """The table of each router by datacenter; one that does not answer lists nobody, unless it has left."""
        read = await asyncio.gather(*(self._tables_of(dc, routers) for dc, routers in self.routers.items()))
        return dict(zip(self.routers, read, strict=True))

    async def _tables_of(self, dc: str, routers: Sequence[Router]) -> list[list[RouteEntry]]:
        tables = await asyncio.gather(*map(self._table, routers))
        if None in tables and self._passing is not None:
            # Where nobody can say who passes, whoever was there is waited for.
            with contextlib.suppress(Unavailable):
                tables = await asyncio.gather(*map(self._table, await self._passing(dc)))
        return [table or [] for table in tables]

    async def _table(self, router: Router) -> list[RouteEntry] | None:
        try:
            return await fabio_api.routes(self._http.session, router.url, ASK_S)
        except Unavailable:
            return None


async def sight(looker: Looker, nomad: NomadApi, before: Job, new: str) -> Sight:
    """The service as it is now.

    Args:
        looker: Looks at its instances.
        nomad: Has its job.
        before: The job as it was before the new version was submitted.
        new: The new version.

    Raises:
        Unavailable: Consul or Nomad does not answer.
    """
    history, allocations = await asyncio.gather(nomad.versions(before.id), nomad.allocations(before.id))
    if not history:
        raise Unavailable(f"Nomad has no job {before.id} any more")
    versions = {each.number: each.version for each in history}
    mine = number_of(history, before, new)
    words = [each.words for each in allocations if each.number == mine and each.words]
    deployment = await deployment_of(nomad, before.id, mine)
    if before.kind == "system" and deployment is None:
        # Before 1.11 Nomad has no deployments of these, so nobody ever calls an instance healthy.
        allocations = [replace(each, healthy=each.status == "running") for each in allocations]
    members = await looker.members(allocations, versions)
    return Sight(
        members=members,
        number=history[0].number,
        runs=history[0].version,
        deployment=deployment,
        trouble=words[-1] if words else "",
    )


def number_of(history: Sequence[Job], before: Job, new: str) -> int:
    """The number under which Nomad has the new version since then; -1 where it has not."""
    later = [each.number for each in history if each.version == new and each.number > before.number]
    return max(later, default=-1)


async def deployment_of(nomad: NomadApi, job: str, number: int) -> Deployment | None:
    """The newest deployment of a version of a job."""
    found = [each for each in await nomad.deployments(job) if each.number == number]
    return found[0] if found else None


def is_routed(instances: Sequence[Instance]) -> bool:
    """Whether Fabio sends any of these requests."""
    return any(tag.startswith(_ROUTE) for each in instances for tag in each.tags)


def _allocation(instance: Instance) -> str:
    said = instance.meta.get("allocation", "")
    found = _OF_NOMAD.match(instance.id)
    return said or (found[1] if found else "")


def _member(
    instance: Instance, mine: Allocation, versions: Mapping[int, str], tables: Sequence[Sequence[RouteEntry]]
) -> Member:
    routed = is_routed([instance])
    listed = sum(fabio_api.lists(table, instance.address, instance.port) for table in tables) if routed else 0
    return Member(
        id=instance.id,
        version=instance.meta.get("version", "") or versions.get(mine.number, ""),
        dc=instance.dc,
        node=mine.node,
        target=f"{instance.address}:{instance.port}",
        passing=instance.status == "passing",
        listed=listed,
        routers=len(tables) if routed else 0,
        healthy=mine.healthy,
        words=_complaint(instance),
    )


def _complaint(instance: Instance) -> str:
    """What the first check says that does not pass; Consul puts the request before what was answered to it."""
    for each in instance.checks:
        if each.status != "passing":
            said = " ".join(each.output.rpartition(_OUTPUT)[2].split())
            return f"{each.name}: {said[:_WORDS]}" if said else f"{each.name} is {each.status}"
    return ""


def _silent(each: Allocation, versions: Mapping[int, str]) -> Member:
    """An allocation without a registration: not there yet, not there any more, or of a group that registers nothing."""
    return Member(
        id=f"allocation {each.id[:8]}",
        version=versions.get(each.number, ""),
        dc="",
        node=each.node,
        passing=bool(each.healthy),
        healthy=each.healthy,
    )
