"""What a deploy will do, decided before anything is changed: version, way, steps, and what speaks against it.

Pure: `surveying` gathers what it decides by.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from hoploom.deploying.job_records import Job
from hoploom.deploying.job_source import JobSource
from hoploom.deploying.sight import Member, Road, Step
from hoploom.deploying.versions import moved
from hoploom.kit.errors import ConfigError
from hoploom.routing.table import SLOTS

VERSION, URL, CHECKSUM = "version", "artifact_url", "artifact_checksum"
"""Variables of a job file that a deploy gives values."""

STEPS = (0.1, 0.5, 1.0)
DOWNLOAD_S = 60.0
"""Longer than Nomad's own deadline, since the archive has to be fetched before it begins."""

_SYSTEM = ("system", "sysbatch")


class Way(StrEnum):
    """How the new version comes in."""

    CANARY = "canary"
    """Beside the old one, share after share."""

    BLUE_GREEN = "blue-green"
    """Beside the old one, everything at once."""

    BESIDE = "beside"
    """Beside the old one, with nothing to share: nobody sends it requests through Fabio."""

    ROLLED = "rolled"
    """One instance after another in the place of its predecessor."""


@dataclass(frozen=True)
class Wish:
    """What a person wants.

    Attributes:
        version: The new one; empty for the one before.
        shares: Of the requests, one step each; the last is 1.
        is_canary: Whether somebody asked for a part of the requests at first.
        blue_green: Whether all of them move at once.
        at_once: Whether nobody shall watch.
        seconds: Of each step.
        ready_s: Longest wait for the new instances; 0 for what the job says.
        values: Of further variables of the job.
        datacenters: The order wanted; empty for the job's own.
    """

    version: str = ""
    shares: tuple[float, ...] = STEPS
    is_canary: bool = False
    blue_green: bool = False
    at_once: bool = False
    seconds: float = 60.0
    ready_s: float = 0.0
    values: Mapping[str, str] = field(default_factory=dict)
    datacenters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survey:
    """What runs now.

    Attributes:
        service: Its name in Consul.
        job: Its job.
        history: Earlier versions of the job, newest first.
        members: Its instances.
        is_routed: Whether Fabio sends it requests.
        open_words: What of a deployment is still going on, in words; empty for nothing.
        others: Instances of the service that are not the job's, such as workers elsewhere.
    """

    service: str
    job: Job
    history: tuple[Job, ...] = ()
    members: tuple[Member, ...] = ()
    is_routed: bool = True
    open_words: str = ""
    others: int = 0


@dataclass(frozen=True)
class Plan:
    """What will be done; `refused` says why nothing will be, and `same` that there is nothing to do."""

    service: str
    job: str
    new: str
    old: tuple[str, ...]
    way: Way
    road: Road
    modify_index: int
    archive: str = ""
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    same: bool = False


def before(survey: Survey) -> Job:
    """The version to go back to: the newest other one that was not itself taken back.

    Raises:
        ConfigError: There is none.
    """
    jobs = [survey.job, *survey.history]
    for place, each in enumerate(jobs[1:], 1):
        after, older = jobs[place - 1], jobs[place + 1 :]
        # What Nomad calls unstable may have run for long, where its first minute was slow. It keeps few versions:
        # what ran before one whose forerunner it has forgotten, nobody knows.
        unknown = each.number > 0 and (not older or older[0].number < each.number - 1)
        again = after.version in {past.version for past in older}
        was_taken_back = not (each.stable or each.kept) and (unknown or again)
        if each.version and each.version != survey.job.version and not was_taken_back:
            return each
    raise ConfigError(f"Nomad keeps no good version of {survey.job.id} before {survey.job.version or 'this one'}: "
                      "name one by --version")  # fmt: skip


def source_of(now: JobSource, survey: Survey, wish: Wish) -> JobSource:
    """The present job with the new version, and its archive with it.

    Raises:
        ConfigError: The job cannot be told a version, or a variable that is wanted is not there.
    """
    job = survey.job.id
    if now.format != "hcl2":
        raise ConfigError(f"{job} was submitted as {now.format}, without variables: submit its job file (HCL) once")
    missing = [name for name in (VERSION, *wish.values) if not now.declares(name)]
    if missing:
        raise ConfigError(f"the job file of {job} has no variable {missing[0]!r}: add it, and submit it once")
    values = {VERSION: wish.version, **wish.values}
    if URL not in values and now.value(URL):
        url = moved(now.value(URL), survey.job.version, wish.version)
        if not url:
            told = f"{survey.job.version} does not stand in {now.value(URL)}"
            raise ConfigError(f"{told}: name the archive of {wish.version} by --artifact-url")
        # Its sum stands beside it.
        values = {CHECKSUM: "", **values, URL: url}
    return now.told(values)


def steps(wish: Wish, way: Way) -> tuple[Step, ...]:
    """The shares of a datacenter."""
    if way not in (Way.CANARY, Way.BLUE_GREEN):
        return ()
    shares = (1.0,) if way is Way.BLUE_GREEN or wish.at_once else wish.shares
    return tuple(Step(each, 0.0 if wish.at_once else wish.seconds) for each in shares)


def plan(survey: Survey, wish: Wish, job: Job, planned: Mapping[str, Any]) -> Plan:
    """What will be done, and what speaks against it.

    Args:
        survey: What runs now.
        wish: What is wanted; its version is that of the job.
        job: The new job.
        planned: What Nomad would do with it.
    """
    way = _way(survey, wish, job)
    seen = sorted({each.version for each in survey.members if each.version != wish.version})
    old = tuple(seen) or tuple(each for each in [survey.job.version] if each and each != wish.version)
    healthy_s = max((each.healthy_s for each in job.updates), default=0.0)
    road = Road(
        new=wish.version,
        old=frozenset(old),
        datacenters=_order(survey, wish),
        steps=steps(wish, way),
        beside=way is not Way.ROLLED,
        count=_count(survey, job),
        is_routed=survey.is_routed,
        ready_s=wish.ready_s or healthy_s + DOWNLOAD_S,
    )
    same = survey.job.version == wish.version
    made = Plan(survey.service, job.id, wish.version, old, way, road, survey.job.modify_index, same=same)
    return replace(
        made,
        changes=tuple(_changes(planned)),
        warnings=tuple(_warnings(survey, planned)),
        refused=(*_refused(survey, wish, job, planned), *_too_small(survey, wish, way)),
    )


def _way(survey: Survey, wish: Wish, job: Job) -> Way:
    if not job.can_double:
        return Way.ROLLED
    if not survey.is_routed:
        return Way.BESIDE
    return Way.BLUE_GREEN if wish.blue_green else Way.CANARY


def _count(survey: Survey, job: Job) -> int:
    # A system job has one on every node that it fits, which only the present ones tell.
    return len(survey.members) if job.kind in _SYSTEM else job.count


def _order(survey: Survey, wish: Wish) -> tuple[str, ...]:
    """Datacenters of the instances: as wanted, then as the job has them, then by name."""
    there = {each.dc for each in survey.members if each.dc}
    first = [each for each in (*wish.datacenters, *survey.job.datacenters) if each in there]
    return tuple(dict.fromkeys([*first, *sorted(there)]))


def _refused(survey: Survey, wish: Wish, job: Job, planned: Mapping[str, Any]) -> list[str]:
    found = []
    if survey.job.stopped:
        found.append(f"{job.id} is stopped: start it by its job file first")
    if survey.open_words:
        found.append(survey.open_words)
    if job.version != wish.version and wish.version not in job.tags:
        found.append(
            f"{job.id} does not tell its instances their version, so the new ones could not be told from the old ones: "
            "give its task the environment HOPLOOM_VERSION_TAG = var.version"
        )
    found += _no_shares(survey, wish, job)
    found += [f"no room: {each}" for each in _unplaced(planned)]
    if survey.is_routed and job.can_double and not _order(survey, wish):
        found.append(f"no instance of {job.id} is registered now, so nobody knows where its requests go: see its logs")
    unknown = [each for each in wish.datacenters if each not in {member.dc for member in survey.members}]
    return found + [f"nothing of {survey.service} runs in datacenter {each}" for each in unknown]


def _no_shares(survey: Survey, wish: Wish, job: Job) -> list[str]:
    flag = "--blue-green" if wish.blue_green else "--canary" if wish.is_canary else ""
    if not flag:
        return []
    if job.kind in _SYSTEM:
        why = f"{job.id} is a {job.kind} job: it runs once on every node"
    elif not job.can_double:
        why = f"{job.id} has no room for two (no `canary` in its `update`), as a service that owns a folder has none"
    elif not survey.is_routed:
        why = f"Fabio routes nothing to {survey.service}, so there are no requests to share"
    else:
        return []
    return [f"{flag} cannot be: {why}; without {flag} it is done {'one by one' if not job.can_double else 'without'}"]


def _too_small(survey: Survey, wish: Wish, way: Way) -> list[str]:
    """A first share that Fabio cannot give: its ring has so many slots, and each instance takes one at least."""
    first = next(iter(steps(wish, way)), None)
    most = max(Counter(each.dc for each in survey.members if each.dc).values(), default=1)
    if first is None or first.share * SLOTS >= most:
        return []
    least = math.ceil(most / SLOTS * 10_000) / 100
    return [f"a first share of {first.share * 100:g} % cannot be: the least that Fabio gives to {most} "
            f"instance{'' if most == 1 else 's'} is {least:g} %"]  # fmt: skip


def _unplaced(planned: Mapping[str, Any]) -> list[str]:
    found = []
    for group, failed in (planned.get("FailedTGAllocs") or {}).items():
        reasons = {**(failed.get("ConstraintFiltered") or {}), **(failed.get("DimensionExhausted") or {})}
        found.append(f"Nomad finds no place for {group} ({', '.join(reasons) or 'no node fits'})")
    return found


def _changes(planned: Mapping[str, Any]) -> list[str]:
    """What differs, one line each: fields of the job, of its groups and tasks, and of what is in them."""
    return list(_differences(planned.get("Diff") or {}, ""))


def _differences(diff: Mapping[str, Any], path: str) -> Sequence[str]:
    found = []
    for each in diff.get("Fields") or ():
        if each.get("Type") != "None":
            found.append(f"{path}{each['Name']}: {each.get('Old') or '(none)'} -> {each.get('New') or '(none)'}")
    for kind in ("TaskGroups", "Tasks", "Objects"):
        for each in diff.get(kind) or ():
            if each.get("Type") != "None":
                found += _differences(each, f"{path}{each.get('Name', '')}.")
    return found


def _warnings(survey: Survey, planned: Mapping[str, Any]) -> list[str]:
    ill = [each.id for each in survey.members if not each.passing]
    said = [f"not passing now: {', '.join(ill)}"] if ill else []
    said += [f"{survey.others} more are not of {survey.job.id}, and stay as they are"] if survey.others else []
    nomad = str(planned.get("Warnings") or "").strip().replace("\n", " ")
    return [*said, *([f"Nomad warns: {nomad}"] if nomad else [])]
