"""Home: what is wrong and what to do, what runs, who is worst, what happened, and where else to look."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hoploom.manager.measures import shades, spots
from hoploom.manager.measures.choice import choice
from hoploom.manager.measures.projection import HEIGHT, WIDTH
from hoploom.manager.pages import fleet_rows, rendering
from hoploom.manager.pages.doors import Door
from hoploom.manager.pages.home_corner import CORNER
from hoploom.manager.pages.map import standing
from hoploom.manager.seeing.seen import Problem, SeenMesh
from hoploom.wire.standing import is_finished

DOORS = web.AppKey("pages_doors", Sequence[Door])
WORST, NEWEST, OF_A_KIND, RUNNING = 5, 12, 3, 6


def routes() -> list[web.RouteDef]:
    """The one page."""
    return [web.get("/", home)]


async def home(request: web.Request) -> web.Response:
    """The page."""
    chosen = await choice(request, waits=False)
    seen = chosen.seen
    rows = fleet_rows.rows(seen)
    workers = list(standing(seen, rows))
    return rendering.render(
        request,
        "home.html.j2",
        seen=seen,
        problems=grouped(seen.problems),
        running=[each for each in seen.campaigns.found if not is_over(each)][:RUNNING],
        campaigns=len(seen.campaigns.found),
        worst=fleet_rows.worst(rows, WORST),
        states=Counter(row.state for row in rows),
        whole=len(rows),
        events=list(reversed(seen.events.found))[:NEWEST],
        results=seen.results.found.rows[:NEWEST],
        doors=request.app[DOORS],
        paused=paused(seen),
        chosen=chosen,
        corner=await request.app[CORNER].of(request.app, chosen),
        shade=lambda entry: shades.loss(entry.loss),
        spots=spots.spots(workers),
        workers=len(workers),
        size=(WIDTH, HEIGHT),
    )


@dataclass(frozen=True)
class Group:
    """Problems of one kind.

    Attributes:
        kind: Their kind.
        do: What to do about each.
        named: The first of them.
        more: How many more there are.
    """

    kind: str
    do: str
    named: tuple[Problem, ...]
    more: int

    @property
    def grave(self) -> bool:
        """Whether any of them is."""
        return any(each.grave for each in self.named)


def grouped(problems: Iterable[Problem]) -> list[Group]:
    """Problems by kind, in their order, so that a hundred silent workers hide nothing else."""
    kinds: dict[str, list[Problem]] = {}
    for each in problems:
        kinds.setdefault(each.kind, []).append(each)
    return [
        Group(kind, each[0].do, tuple(each[:OF_A_KIND]), len(each) - OF_A_KIND if len(each) > OF_A_KIND else 0)
        for kind, each in kinds.items()
    ]


def is_over(campaign: Mapping[str, Any]) -> bool:
    """Whether nothing of a campaign is probed any more."""
    return is_finished(campaign) or bool(campaign["campaign"].get("stopped_us"))


def paused(seen: SeenMesh) -> Sequence[str]:
    """Ids of the campaigns that are paused."""
    found: Sequence[str] = seen.overlay.found["paused_campaigns"] if seen.overlay.found else ()
    return found
