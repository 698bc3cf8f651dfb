"""What routers' tables say, and where they differ from what Consul says, by `routing`'s rule of it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from hoploom.kit.fabio_api import RouteEntry
from hoploom.routing import audit_tables
from hoploom.routing.audit_expected import Due
from hoploom.routing.audit_findings import AuditFinding
from hoploom.routing.audit_observed import target as target_at


@dataclass(frozen=True)
class Table:
    """The route table of one router.

    Attributes:
        router: Its name.
        routes: Its lines; none where it did not answer.
        away: Why it did not answer; empty where it did.
        others: Instances of services that are not the mapper's, by `address:port`, as far as they are known.
    """

    router: str
    routes: tuple[RouteEntry, ...] = ()
    away: str = ""
    others: Mapping[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def targets(self) -> frozenset[str]:
        """Every `address:port` that it sends anything to."""
        return frozenset(target(each) for each in self.routes)


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
    return target_at(route.dst)


def findings(tables: Iterable[Table], instances: Sequence[Routed]) -> list[AuditFinding]:
    """Who passes and is not routed, and who is routed and does not pass, by the rule of every audit.

    Args:
        tables: Of the routers that answered.
        instances: All instances of the mesh's own services. Routes to services of others are nobody's business here.
    """
    members = [_Member(each) for each in instances]
    ours = frozenset(each.service for each in instances)
    return [
        finding
        for table in tables if not table.away
        for finding in audit_tables.against(table.router, table.routes, members, only=ours)
    ]  # fmt: skip


class _Member:
    """An instance as the rule wants to know it: the manager knows its health in one word, and how many routes."""

    lines = None

    def __init__(self, seen: Routed) -> None:
        self.id, self.service, self.target, self.state = seen.id, seen.service, seen.target, f"is {seen.health}"
        wanted = Due.LISTED if seen.health == "passing" and seen.routes else Due.EITHER
        self.due = Due.UNLISTED if seen.health == "critical" else wanted
