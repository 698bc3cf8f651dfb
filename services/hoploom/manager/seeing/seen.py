"""What a manager sees of the mesh at one moment. Pure: pages and tests make of it what they like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from hoploom.kit.consul_records import Check, Instance
from hoploom.kit.external_nodes import EDGE
from hoploom.manager.auditing.standing import Standing
from hoploom.manager.registry import Seen
from hoploom.manager.seeing.deploys import Deploying
from hoploom.manager.seeing.tables import Table

T = TypeVar("T")
SEVERITY = ("critical", "warning", "passing")
SLOTS = 64
_OWN = ("ready", "heartbeat")
_ANSWERED = "Output:"
_MAINTENANCE = "Service Maintenance Mode"
"""Name of the check that Consul adds to a service in maintenance mode (HashiCorp, agent/structs/structs.go)."""


@dataclass(frozen=True)
class Part(Generic[T]):
    """What was found when a part of the mesh was asked.

    Attributes:
        found: What it said last.
        seen_s: When that was, by this manager's clock; minus infinity for never.
        away: Why it did not answer when it was asked again; empty where it did.
    """

    found: T
    seen_s: float = float("-inf")
    away: str = ""


@dataclass(frozen=True)
class InstanceSeen:
    """One instance of a service, for people.

    Attributes:
        id: In Consul.
        service: Its service.
        where: `address:port`, or "elsewhere" for a worker that nobody can connect to.
        node: Consul's node.
        dc: Its datacenter.
        version: Of its program.
        worker: Name of a worker; empty for other services.
        health: The worst of its checks: passing, warning or critical.
        note: Why, in the words of that check.
        draining: Whether it is in maintenance mode: it leaves.
        target: `address:port` as routers name it; empty for a worker elsewhere.
        routes: How many routes it asked for.
    """

    id: str
    service: str
    where: str
    node: str
    dc: str
    version: str
    worker: str
    health: str
    note: str
    draining: bool = False
    target: str = ""
    routes: int = 0

    @property
    def name(self) -> str:
        """How its own page is called: a worker elsewhere by its name, everything else by its id."""
        return self.worker if self.is_elsewhere else self.id

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is a worker in somebody else's network."""
        return not self.target

    def to_json(self) -> dict[str, Any]:
        """As the overview has it."""
        document = asdict(self)
        return {name: document[name] for name in list(document)[:9]}


@dataclass(frozen=True)
class Owners:
    """Which input instance owns how many of the slots that shards lie in.

    Attributes:
        slots: Number of slots by instance, most first.
        unowned: Slots of nobody.
    """

    slots: Mapping[str, int] = field(default_factory=dict)
    unowned: int = 0


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        at_us: When it was seen, microseconds since 1970 by the wall clock of who saw it.
        kind: "leader", "instance", "worker", "campaign", "probing", "deploy" or "router".
        text: What happened, in words without names of others in them that could be mistaken for ours.
        subject: Who or what it happened to.
    """

    at_us: int
    kind: str
    text: str
    subject: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"at_us": self.at_us, "kind": self.kind, "text": self.text, "subject": self.subject}


@dataclass(frozen=True)
class Results:
    """The newest results of the outputs that answered.

    Attributes:
        rows: Newest first.
        silent: Why they are not all; empty where every output answered.
    """

    rows: tuple[Mapping[str, Any], ...] = ()
    silent: str = ""


@dataclass(frozen=True)
class Problem:
    """Something that a person has to put right.

    Attributes:
        kind: Of what kind it is, as alerts are called too, such as "instance-critical".
        text: What is the matter, in one sentence.
        do: What to do about it.
        subject: Who or what it is about; empty for the mesh.
        grave: Whether something does not work, rather than might not soon.
        seen_s: When what is shown in its place was heard, by the manager's clock; None where nothing was, or nothing
            is shown in its place.
    """

    kind: str
    text: str
    do: str
    subject: str = ""
    grave: bool = True
    seen_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class SeenMesh:
    """The mesh as one manager sees it.

    Attributes:
        manager: Id of the manager.
        dc: Its datacenter.
        mesh: Name of the mesh: what its keys begin with.
        version: Grows when there is something else to see; ages alone are nothing else.
        at_s: When the last look ended, by the manager's clock; minus infinity before the first.
        now_s: When it was handed out, by the same clock.
        instances: All instances of the mesh's services, worst first.
        workers: Workers elsewhere by their ads, sorted by name.
        campaigns: Campaigns with the progress of their groups, as the input service tells them, newest first.
        overlay: The overlay's summary, as the input service tells it.
        leaders: Roles: `{"role", "instance", "since_us", "index"}` each.
        owners: Owners of slots.
        tables: The route table of every passing router.
        results: The newest results of all outputs.
        routers: How routers stand, as the leader of `auditor` has written it down; None before it has.
        names: Names that are kept at a provider, as `/api/v1/dyfi` tells them; None where there are none.
        deploys: Deploys of services that go on, and how the last ones ended.
        events: What happened, oldest first.
        problems: What is wrong, the worst first.
    """

    manager: str = ""
    dc: str = ""
    mesh: str = ""
    version: int = 0
    at_s: float = float("-inf")
    now_s: float = 0.0
    instances: Part[tuple[InstanceSeen, ...]] = Part(())
    workers: tuple[Seen, ...] = ()
    campaigns: Part[tuple[Mapping[str, Any], ...]] = Part(())
    overlay: Part[Mapping[str, Any] | None] = Part(None)
    leaders: Part[tuple[Mapping[str, Any], ...]] = Part(())
    owners: Part[Owners] = Part(Owners())
    tables: Part[tuple[Table, ...]] = Part(())
    results: Part[Results] = Part(Results())
    routers: Part[Standing | None] = Part(None)
    names: Part[Mapping[str, Any] | None] = Part(None)
    deploys: Part[tuple[Deploying, ...]] = Part(())
    events: Part[tuple[Event, ...]] = Part(())
    problems: tuple[Problem, ...] = ()

    @property
    def is_first(self) -> bool:
        """Whether nothing was seen yet: the manager has just started."""
        return self.at_s == float("-inf")

    @property
    def age_s(self) -> float:
        """Seconds since the last look; 0 before the first."""
        return 0.0 if self.is_first else max(0.0, self.now_s - self.at_s)

    @property
    def paused(self) -> bool:
        """Whether all probing is paused, as far as is known."""
        return bool(self.overlay.found and self.overlay.found["paused"])

    @cached_property
    def leading(self) -> Mapping[str, list[str]]:
        """Roles by the instance that leads them."""
        found: dict[str, list[str]] = {}
        for each in self.leaders.found:
            found.setdefault(each["instance"], []).append(each["role"])
        return found

    def age_of(self, part: Part[Any]) -> float | None:
        """Seconds since a part was heard; None for never."""
        return None if part.seen_s == float("-inf") else max(0.0, self.now_s - part.seen_s)


def instance_seen(instance: Instance) -> InstanceSeen:
    """An instance as people see it; its own words, unless something else is worse."""
    worst = sorted(instance.checks, key=_rank)
    note = worst[0].output.strip() if worst else ""
    is_elsewhere = EDGE in instance.meta
    host = f"[{instance.address}]" if ":" in instance.address else instance.address
    target = "" if is_elsewhere else f"{host}:{instance.port}"
    return InstanceSeen(
        id=instance.id,
        service=instance.service,
        where=target or "elsewhere",
        node=instance.node,
        dc=instance.dc,
        version=instance.meta.get("version", ""),
        worker=instance.meta.get("worker", ""),
        health=instance.status,
        # Consul puts the request before what was answered to it, which may be nothing.
        note=note.partition(_ANSWERED)[2].strip() if _ANSWERED in note else note,
        draining=any(each.name == _MAINTENANCE for each in instance.checks),
        target=target,
        routes=sum(tag.startswith("urlprefix-") for tag in instance.tags),
    )


def worst_first(instances: Sequence[InstanceSeen]) -> tuple[InstanceSeen, ...]:
    """By health, then by name."""
    return tuple(sorted(instances, key=lambda each: (SEVERITY.index(each.health), each.id)))


def _rank(check: Check) -> tuple[int, bool]:
    return SEVERITY.index(check.status), check.name not in _OWN
