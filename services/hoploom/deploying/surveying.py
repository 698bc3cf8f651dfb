"""Finds out what runs of a service: its job, its earlier versions, its instances. Changes nothing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from hoploom.deploying.job_records import Job
from hoploom.deploying.looking import Looker, is_routed
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.plan import Survey
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.errors import ConfigError
from hoploom.kit.fabio_api import Router

Routers = Callable[[str], Awaitable[Sequence[Router]]]


async def datacenters(consul: ConsulApi, service: str, routers: Routers) -> dict[str, Sequence[Router]]:
    """Each datacenter that has instances of a service, with its Fabios where they are routed.

    Raises:
        Unavailable: A datacenter does not answer, so nobody knows what runs there; or no Fabio passes there.
    """
    found: dict[str, Sequence[Router]] = {}
    for dc in await consul.datacenters():
        _, instances = await consul.instances(service, passing=False, dc=dc)
        if instances:
            found[dc] = await routers(dc) if is_routed(instances) else ()
    return found


async def survey(nomad: NomadApi, looker: Looker, service: str, job_id: str, prefix: str) -> Survey:
    """What runs of a service.

    Args:
        nomad: Has its job.
        looker: Looks at its instances.
        service: Its name.
        job_id: Of its job; empty where it is to be found.
        prefix: Of the mesh, by which its own jobs are named.

    Raises:
        ConfigError: There is no such service, or no job of it.
    """
    instances = await looker.instances()
    job = await _job(nomad, instances, service, job_id, prefix)
    history = await nomad.versions(job.id)
    members = await looker.members(await nomad.allocations(job.id), {each.number: each.version for each in history})
    others = {each.id for each in instances} - {each.id for each in members}
    going = [each for each in await nomad.deployments(job.id) if each.is_open]
    words = f"a deployment of {job.id} is going on ({going[0].status}: {going[0].words})" if going else ""
    hint = "wait for its end (seconds, after a way back)"
    way_out = f": {hint}, or `nomad deployment fail {going[0].id[:8]}`" if going else ""
    return Survey(service, job, tuple(history[1:]), members, is_routed(instances), words + way_out, len(others))


async def _job(nomad: NomadApi, instances: Sequence[Instance], service: str, job_id: str, prefix: str) -> Job:
    for candidate in [job_id] if job_id else await _candidates(nomad, instances, service, prefix):
        job = await nomad.job(candidate)
        if job is not None:
            return job
    names = await nomad.names()
    known = f"; Nomad has {', '.join(sorted(names))}" if names else "; Nomad has no job at all"
    if job_id:
        raise ConfigError(f"Nomad at {nomad.url} has no job {job_id!r}{known}")
    raise ConfigError(f"no job runs a service {service!r} (name it by --job){known}")


async def _candidates(nomad: NomadApi, instances: Sequence[Instance], service: str, prefix: str) -> list[str]:
    """Ids of jobs that may be it: whose its instances say that they are, then by its name, then by a group's."""
    found = []
    for each in instances:
        if "allocation" in each.meta:
            found.append(await nomad.job_of(each.meta["allocation"]))
            break
    groups: Mapping[str, tuple[str, ...]] = await nomad.names()
    found += [each for each in (f"{prefix}-{service}", service) if each in groups]
    return [each for each in [*found, *(job for job, names in groups.items() if service in names)] if each]
