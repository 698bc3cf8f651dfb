"""Home's corner of the matrix: the worst workers and networks of the newest campaign, made again when it changes."""

import asyncio

from aiohttp import web

from hoploom.manager.measures import grids
from hoploom.manager.measures.choice import ADDED, Choice
from hoploom.manager.measures.grids import Grid
from hoploom.manager.measures.windows import Window

ROWS, COLUMNS = 5, 4
_EMPTY = Grid([], [], {}, 0, 0)
_Key = tuple[int, int, Window]


class Corner:
    """The corner that was asked for last: everybody who looks at home looks at the same one."""

    def __init__(self) -> None:
        """Know none yet."""
        self._known: tuple[_Key, Grid] | None = None

    async def of(self, app: web.Application, chosen: Choice) -> Grid:
        """The worst of what is looked at, by loss; its rows and columns cut to what home has room for."""
        if chosen.window is None:
            return _EMPTY
        key = (chosen.gathered.whole.cells.campaign, chosen.gathered.version, chosen.window)
        if self._known is None or self._known[0] != key:
            added = await app[ADDED].of(chosen.gathered, chosen.window)
            found = await asyncio.to_thread(grids.grid, added, "loss")
            self._known = key, found._replace(rows=found.rows[:ROWS], columns=found.columns[:COLUMNS])
        return self._known[1]


CORNER = web.AppKey("pages_home_corner", Corner)
