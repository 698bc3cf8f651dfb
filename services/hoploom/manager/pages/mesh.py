"""Mesh: who leads what, who owns what, where routers send requests and what is wrong with that, what happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from hoploom.kit.fabio_api import RouteEntry
from hoploom.manager.auditing.standing import FOLLOWS, STALLED, UNKNOWN
from hoploom.manager.pages import rendering
from hoploom.manager.seeing.seen import SLOTS
from hoploom.manager.seeing.tables import Table, findings, target
from hoploom.manager.sight import SIGHT

_EVEN = 0.005
"""Shares that differ by less are the same: routers round them to slots of a table."""


_SHAPES = {FOLLOWS: "passing", STALLED: "critical", UNKNOWN: "unknown"}
_FINDINGS = 30


def routes() -> list[web.RouteDef]:
    """The one page."""
    return [web.get("/mesh", mesh)]


async def mesh(request: web.Request) -> web.Response:
    """The page."""
    seen = request.app[SIGHT].now()
    others = {target: name for table in seen.tables.found for target, name in table.others.items()}
    names = {**others, **{each.target: each.id for each in seen.instances.found if each.target}}
    return rendering.render(
        request,
        "mesh.html.j2",
        seen=seen,
        slots=SLOTS,
        shares=[(table, shares(table, names)) for table in seen.tables.found],
        findings=findings(seen.tables.found, seen.instances.found),
        agree=agree(seen.tables.found),
        routers=seen.routers.found,
        shapes=_SHAPES,
        most_findings=_FINDINGS,
        events=list(reversed(seen.events.found)),
    )


@dataclass(frozen=True)
class Share:
    """Where one router sends requests of one kind.

    Attributes:
        src: Host and path.
        service: The service.
        weights: The share of each instance, 0 to 1, by its name; sorted.
        tags: Tags that routes of it have.
    """

    src: str
    service: str
    weights: tuple[tuple[str, float], ...]
    tags: tuple[str, ...]

    @property
    def even(self) -> bool:
        """Whether all have the same share."""
        found = [weight for _, weight in self.weights]
        return max(found) - min(found) < _EVEN


def shares(table: Table, names: dict[str, str]) -> list[Share]:
    """A router's table by path: who gets which share of it.

    Args:
        table: Of a router.
        names: Instances by `address:port`; others are called by that.
    """
    by_path: dict[tuple[str, str], list[RouteEntry]] = {}
    for each in table.routes:
        by_path.setdefault((each.src, each.service), []).append(each)
    return [
        Share(
            src,
            service,
            tuple(sorted((names.get(target(each), target(each)), each.weight) for each in found)),
            tuple(sorted({tag for each in found for tag in each.tags})),
        )
        for (src, service), found in sorted(by_path.items())
    ]


def agree(tables: Iterable[Table]) -> bool:
    """Whether all routers that answered send the same to the same."""
    answered: Sequence[frozenset[tuple[str, str]]] = [
        frozenset((each.src, each.dst) for each in table.routes) for table in tables if not table.away
    ]
    return len(set(answered)) <= 1
