"""How the fleet reaches itself, kept in memory while somebody looks: reading it takes outputs seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from hoploom import kit
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.manager.fleet import measured
from hoploom.manager.fleet.measured import Measured
from hoploom.manager.registry import REGISTRY

log = logging.getLogger(__name__)
EVERY_S: Final = 15.0
FIRST_S: Final = 1.0
"""How long the first question waits; then the page says that it is being read."""


@dataclass(frozen=True)
class Looked:
    """What was found.

    Attributes:
        found: The matrix; None where there is none.
        why_not: Why there is none, or none that is newer; empty where all is well.
        at_s: When it was asked for, by `boottime_s`; minus infinity for never.
    """

    found: Measured | None = None
    why_not: str = ""
    at_s: float = float("-inf")


class FleetLook:
    """Reads the newest matrix again and again, while somebody asks."""

    def __init__(self, read: Callable[[], Awaitable[Measured]], clock: Callable[[], float] = boottime_s) -> None:
        """Know nothing yet.

        Args:
            read: Reads it; raises NotFound and Unavailable.
            clock: In seconds.
        """
        self._read, self._clock = read, clock
        self._looked, self._wanted, self._first = Looked(), asyncio.Event(), asyncio.Event()

    async def now(self) -> Looked:
        """What is known, at once, but for the first question of all; a newer one is read where this is old."""
        if self._clock() - self._looked.at_s >= EVERY_S:
            self._wanted.set()
        if not self._first.is_set():
            try:
                await asyncio.wait_for(self._first.wait(), FIRST_S)
            except TimeoutError:
                log.info("the fleet's matrix is still being read")
        return self._looked

    async def run(self) -> None:
        """Read when it is wanted, for ever."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.look()

    async def look(self) -> None:
        """Read once; where that fails what was known stays, and is said to be old."""
        at_s = self._clock()
        try:
            self._looked = Looked(await self._read(), "", at_s)
        except NotFound as error:
            self._looked = Looked(None, str(error), at_s)
        except Unavailable as error:
            self._looked = Looked(self._looked.found, str(error), at_s)
        self._first.set()


FLEET_LOOK = web.AppKey("measures_fleet_look", FleetLook)


def attach(app: web.Application) -> None:
    """Have a manager keep it."""

    async def read() -> Measured:
        return await measured.measured(kit.mesh(app), app[REGISTRY])

    async def start(app: web.Application) -> None:
        app[FLEET_LOOK] = FleetLook(read)

    app.on_startup.append(start)
    kit.background(app, _runs)


async def _runs(app: web.Application) -> None:
    await app[FLEET_LOOK].run()
