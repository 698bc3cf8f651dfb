"""Waits until the instances of a job that was submitted are there: healthy for Nomad, passing, in every Fabio."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from hoploom.deploying.happenings import Tell
from hoploom.deploying.job_records import Job
from hoploom.deploying.looking import Looker, deployment_of
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.sight import Member
from hoploom.deploying.surveying import Routers, datacenters
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import HttpClient

LOOK_EVERY_S = 0.3
ENDED = ("failed", "cancelled")


@dataclass(frozen=True)
class Mesh:
    """Whom to ask: Nomad, Consul, everything else over HTTP, and the Fabios of a datacenter."""

    nomad: NomadApi
    consul: ConsulApi
    http: HttpClient
    routers: Routers


async def arrived(mesh: Mesh, job_id: str, most_s: float, tell: Callable[[Tell], None]) -> str:
    """Wait for all instances of a job's newest version.

    Args:
        mesh: Whom to ask.
        job_id: The job, which was submitted.
        most_s: Longest wait, in seconds; 0 for the job's own deadline and a minute.
        tell: Is told of each instance when it is up, as of a deploy's canaries.

    Returns:
        Why they are not all there; empty where they are.
    """
    began_s, told, why = boottime_s(), set[str](), "Nomad does not show it"
    while True:
        try:
            job = await _job(mesh.nomad, job_id)
            most_s = most_s or max((each.healthy_s for each in job.updates), default=0.0) + 60
            if job.kind in ("batch", "sysbatch"):
                return ""
            members, given_up = await _seen(mesh, job)
            for each in members:
                if each.is_up and each.id not in told:
                    told.add(each.id)
                    tell(Tell("canary", {"id": each.id, "node": each.node, "dc": each.dc, "routers": each.routers,
                                         "after_s": boottime_s() - began_s}))  # fmt: skip
            why = _missing(job, members)
            if given_up or not why:
                return given_up and f"{why}; Nomad gave it up: {given_up}"
        except Unavailable as error:
            why = str(error)
        if boottime_s() - began_s > most_s:
            return f"{why} after {most_s:g} s"
        await asyncio.sleep(LOOK_EVERY_S)


async def _job(nomad: NomadApi, job_id: str) -> Job:
    job = await nomad.job(job_id)
    if job is None or job.stopped:
        raise ConfigError(f"somebody has stopped {job_id} meanwhile")
    return job


async def _seen(mesh: Mesh, job: Job) -> tuple[list[Member], str]:
    """The instances of the newest version, and why Nomad has given it up."""
    deployment = await deployment_of(mesh.nomad, job.id, job.number)
    mine = [each for each in await mesh.nomad.allocations(job.id) if each.number == job.number and not each.ended]
    if deployment is None:
        # A job of one version, or a system job before Nomad 1.11: nobody calls an instance healthy.
        mine = [replace(each, healthy=each.status == "running") for each in mine]
    names = {job.id, *(each.group for each in job.updates)} & (await mesh.consul.services()).keys()
    looks = []
    for name in sorted(names):
        routers = await datacenters(mesh.consul, name, mesh.routers)
        looks.append(Looker(mesh.consul, mesh.http, name, routers, mesh.routers))
    looks = looks or [Looker(mesh.consul, mesh.http, job.id, {})]
    found = [await each.members(mine, {job.number: job.version}) for each in looks]
    # Silent is what has registered under none of the names.
    silent = set.intersection(*({each for each in members if not each.dc} for members in found))
    registered = {each for members in found for each in members if each.dc}
    given_up = deployment.words if deployment and deployment.status in ENDED else ""
    return sorted(registered | silent, key=lambda each: each.id), given_up


def _missing(job: Job, members: list[Member]) -> str:
    """Who is not there yet; empty for nobody."""
    wanted = job.count if job.kind == "service" else max(1, len(members))
    up = sum(each.is_up for each in members)
    if up >= wanted:
        return ""
    said = next((f": {each.id} says {each.words}" for each in members if each.words), "")
    return f"{up} of {wanted} instances are up{said}"
