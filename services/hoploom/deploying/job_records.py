"""What Nomad says of jobs, deployments and allocations, as values; `nomad_api` gives them out. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

VERSION_ENV = "HOPLOOM_VERSION_TAG"
"""By this an instance on the kit knows its version, which is a plain tag of it in Consul."""

ENDED = frozenset({"complete", "failed", "lost"})


@dataclass(frozen=True)
class Update:
    """How a group of a job is updated, as far as it counts here; Nomad's defaults where nothing is said."""

    group: str
    count: int
    canary: int
    healthy_s: float


@dataclass(frozen=True)
class Job:
    """A job, as far as a deploy asks for it.

    Attributes:
        id: Its id.
        kind: "service", "system", ...
        number: Nomad's version of it, 0 for the first.
        modify_index: What a submission that shall meet it unchanged has to name.
        stable: Whether a deployment of this version came to its good end.
        stopped: Whether somebody has stopped it.
        datacenters: Where it may be placed, as Nomad calls them.
        updates: One a group.
        version: What its instances say they are; empty where it tells them nothing.
        tags: All tags by which Nomad itself would register it.
        kept: Name under which Nomad keeps this version however many come after it; empty for none.
    """

    id: str
    kind: str
    number: int
    modify_index: int
    stable: bool
    stopped: bool
    datacenters: tuple[str, ...]
    updates: tuple[Update, ...]
    version: str
    tags: frozenset[str] = frozenset()
    kept: str = ""

    @property
    def count(self) -> int:
        """Instances in all groups."""
        return sum(each.count for each in self.updates)

    @property
    def can_double(self) -> bool:
        """Whether every group may have new instances beside the old ones."""
        return self.kind == "service" and all(each.canary for each in self.updates if each.count)


@dataclass(frozen=True)
class Deployment:
    """A deployment of a job."""

    id: str
    number: int
    status: str
    words: str
    promoted: bool

    @property
    def is_open(self) -> bool:
        """Whether anything may still become of it."""
        return self.status in ("running", "paused", "pending", "blocked", "unblocking", "initializing")


@dataclass(frozen=True)
class Allocation:
    """An allocation; `words` are the last of what Nomad says went wrong, empty for nothing."""

    id: str
    number: int
    node: str
    status: str
    wanted: str
    healthy: bool | None
    words: str

    @property
    def ended(self) -> bool:
        """Whether its task has ended."""
        return self.status in ENDED


def job(found: Mapping[str, Any]) -> Job:
    """From a job as the API has it."""
    return Job(
        id=found["ID"],
        kind=found.get("Type") or "service",
        number=int(found.get("Version") or 0),
        modify_index=int(found.get("JobModifyIndex") or 0),
        stable=bool(found.get("Stable")),
        stopped=bool(found.get("Stop")),
        datacenters=tuple(found.get("Datacenters") or ()),
        updates=tuple(_update(group, found.get("Update") or {}) for group in found.get("TaskGroups") or ()),
        version=next((env[VERSION_ENV] for env in _envs(found) if env.get(VERSION_ENV)), ""),
        tags=frozenset(tag for service in _services(found) for tag in service.get("Tags") or ()),
        kept=(found.get("VersionTag") or {}).get("Name") or "",
    )


def deployment(found: Mapping[str, Any]) -> Deployment:
    """From a deployment as the API has it."""
    groups = (found.get("TaskGroups") or {}).values()
    waiting = [each for each in groups if each.get("DesiredCanaries") and not each.get("Promoted")]
    number, words = int(found["JobVersion"]), found.get("StatusDescription") or ""
    return Deployment(found["ID"], number, found["Status"], words, promoted=not waiting)


def allocation(found: Mapping[str, Any]) -> Allocation:
    """From an allocation of a list."""
    return Allocation(
        id=found["ID"],
        number=int(found.get("JobVersion") or 0),
        node=found.get("NodeName") or "",
        status=found["ClientStatus"],
        wanted=found["DesiredStatus"],
        healthy=(found.get("DeploymentStatus") or {}).get("Healthy"),
        words=_trouble(found),
    )


def _update(group: Mapping[str, Any], of_job: Mapping[str, Any]) -> Update:
    said = {**of_job, **(group.get("Update") or {})}
    healthy_s = float(said.get("HealthyDeadline") or 300e9) / 1e9
    return Update(group["Name"], int(group.get("Count") or 0), int(said.get("Canary") or 0), healthy_s)


def _envs(found: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    for group in found.get("TaskGroups") or ():
        yield from (task.get("Env") or {} for task in group.get("Tasks") or ())


def _services(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for group in found.get("TaskGroups") or ():
        yield from group.get("Services") or ()
        for task in group.get("Tasks") or ():
            yield from task.get("Services") or ()


def _trouble(found: Mapping[str, Any]) -> str:
    """The last event that speaks of a failure."""
    words = ""
    for state in (found.get("TaskStates") or {}).values():
        for event in state.get("Events") or ():
            kind, said = event.get("Type") or "", event.get("DisplayMessage") or ""
            if event.get("FailsTask") or kind in ("Driver Failure", "Setup Failure", "Failed Artifact Download"):
                words = said or kind
            elif kind == "Terminated" and "Exit Code: 0" not in said:
                words = said
    return words
