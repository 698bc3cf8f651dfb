"""What routers' tables say, and where they differ from what Consul says. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from urllib.parse import urlsplit

from hoploom.kit.fabio_api import RouteEntry


@dataclass(frozen=True)
class Table:
    """The route table of one router.

    Attributes:
        router: Its name.
        routes: Its lines; none where it did not answer.
        away: Why it did not answer; empty where it did.
    """

    router: str
    routes: tuple[RouteEntry, ...] = ()
    away: str = ""

    @cached_property
    def targets(self) -> frozenset[str]:
        """Every `address:port` that it sends anything to."""
        return frozenset(target(each) for each in self.routes)


@dataclass(frozen=True)
class Finding:
    """A difference between what a router does and what Consul says.

    Attributes:
        kind: "missing" or "stale".
        router: Whose table it is.
        subject: Id of the instance, or the target that nobody is.
        text: In one sentence.
    """

    kind: str
    router: str
    subject: str
    text: str


class Routed(Protocol):
    """What is to be known of an instance here."""

    @property
    def id(self) -> str:
        """In Consul."""

    @property
    def service(self) -> str:
        """Its service."""

    @property
    def health(self) -> str:
        """The worst of its checks."""

    @property
    def target(self) -> str:
        """`address:port`, empty for one that is not connected to."""

    @property
    def routes(self) -> int:
        """How many it asked for."""


def target(route: RouteEntry) -> str:
    """The `address:port` of a line, without scheme and path."""
    return urlsplit(route.dst).netloc


def findings(tables: Iterable[Table], instances: Sequence[Routed]) -> list[Finding]:
    """Who passes and is not routed, and who is routed and does not pass.

    Args:
        tables: Of the routers that answered.
        instances: All instances of the mesh's own services. Routes to services of others are nobody's business here.
    """
    passing = [each for each in instances if each.routes and each.health == "passing" and each.target]
    known = {each.target: each for each in instances if each.target}
    ours = {each.service for each in instances}
    found = []
    for table in tables:
        if table.away:
            continue
        there = table.targets
        for each in passing:
            if each.target not in there:
                text = f"{each.id} passes, and {table.router} sends it nothing"
                found.append(Finding("missing", table.router, each.id, text))
        found += _stale(table, ours, known)
    return found


def _stale(table: Table, ours: set[str], known: Mapping[str, Routed]) -> list[Finding]:
    found = []
    for where in sorted({target(each) for each in table.routes if each.service in ours}):
        instance = known.get(where)
        if instance is None:
            text = f"{table.router} sends requests to {where}, where no instance is registered"
            found.append(Finding("stale", table.router, where, text))
        elif instance.health == "critical":
            text = f"{table.router} sends requests to {instance.id}, which is critical"
            found.append(Finding("stale", table.router, instance.id, text))
    return found
