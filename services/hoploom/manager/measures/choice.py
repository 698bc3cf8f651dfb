"""What a person looks at: which campaign, and which part of its time; with the cells that are known of it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from aiohttp import web

from hoploom.kit.errors import NotFound
from hoploom.manager.measures import gathering, grids, windows
from hoploom.manager.measures.courses import Course
from hoploom.manager.measures.gathering import Gathered, Picture
from hoploom.manager.measures.grids import Sums
from hoploom.manager.measures.windows import Window
from hoploom.manager.seeing.seen import SeenMesh
from hoploom.manager.sight import SIGHT
from hoploom.wire.cell_table import CellTable

T = TypeVar("T")
_KEPT: Final = 8


@dataclass(frozen=True)
class Choice:
    """What is looked at.

    Attributes:
        seen: The mesh.
        campaigns: All campaigns, newest first.
        campaign: The one that is looked at; None where there is none at all.
        gathered: What is known of it.
        window: Which part of its time; None where nothing was measured yet.
    """

    seen: SeenMesh
    campaigns: tuple[Mapping[str, Any], ...]
    campaign: Mapping[str, Any] | None
    gathered: Gathered
    window: Window | None

    @property
    def id(self) -> str:
        """Of the campaign; empty where there is none."""
        return str(self.campaign["id"]) if self.campaign else ""

    @property
    def span(self) -> str:
        """Name of the window."""
        return self.window.name if self.window else windows.USUAL


async def choice(request: web.Request, *, waits: bool = True) -> Choice:
    """What is asked for by `campaign=` (its id; without it the newest) and `span=`.

    Args:
        request: Of a page.
        waits: Whether to wait for a moment where nothing is known of it yet.

    Raises:
        NotFound: There is no such campaign.
    """
    seen = request.app[SIGHT].now()
    campaigns = tuple(each["campaign"] for each in seen.campaigns.found)
    wanted = request.query.get("campaign", "")
    found = next((each for each in campaigns if each["id"] == wanted or not wanted), None)
    if wanted and found is None:
        raise NotFound(f"there is no campaign {wanted[:63]!r}, or not known yet: Campaigns lists them")
    if found is None:
        return Choice(seen, campaigns, None, Gathered(Picture(CellTable.empty(0))), None)
    gathered = await gathering.cells(request, int(found["number"]), waits=waits)
    window = windows.window(request.query.get("span", ""), gathered.whole.cells)
    return Choice(seen, campaigns, found, gathered, window)


class Kept(Generic[T]):
    """What was made of the cells of windows, kept until something changes."""

    def __init__(self, make: Callable[..., T]) -> None:
        """Keep nothing yet.

        Args:
            make: Makes it of a table of cells, a window, and the wishes of who asks.
        """
        self._make = make
        self._known: OrderedDict[tuple[int, int, Window, tuple[tuple[str, str], ...]], T] = OrderedDict()

    async def of(self, gathered: Gathered, window: Window, **wishes: str) -> T:
        """What is made of a window; in a thread where it is not known."""
        key = (gathered.whole.cells.campaign, gathered.version, window, tuple(sorted(wishes.items())))
        if key not in self._known:
            self._known[key] = await asyncio.to_thread(self._make, gathered.whole.cells, window, **wishes)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[key]


def added(table: CellTable, window: Window) -> Sums:
    """The cells of a window added up for matrices."""
    return grids.sums(windows.within(table, window))


ADDED: web.AppKey[Kept[Sums]] = web.AppKey("measures_added")
COURSES: web.AppKey[Kept[Course]] = web.AppKey("measures_courses")
