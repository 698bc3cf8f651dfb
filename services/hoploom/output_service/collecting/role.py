"""The role of collecting, inside an output instance: one of all candidates does it, and says how far it is.

A candidate is an instance with a folder that is the data set of the name (`seat`); others stay away and say why. The
leader looks again at every look whether it still is.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from hoploom.kit import Mesh, Term, TermEnded
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.output_service.collecting import making, patience, pinning, seat
from hoploom.output_service.collecting.collector import Collector
from hoploom.output_service.collecting.held import Held
from hoploom.output_service.collecting.making import Outside
from hoploom.output_service.collecting.report import Report
from hoploom.output_service.collecting.seat import Seat

log = logging.getLogger(__name__)
AGAIN_S = 5.0
"""Between two looks at whether this instance may be a candidate."""

LET_GO_S = 10.0
"""A leader that was overtaken on the same host may have a merge under way, and somebody may import."""


class Role:
    """One candidate."""

    def __init__(self, seat: Seat, mesh: Mesh, outside: Outside, collect_s: float) -> None:
        """Stay away for now.

        Args:
            seat: The folder and its name.
            mesh: This instance.
            outside: The ways out of it.
            collect_s: Longest time in seconds that results wait.
        """
        self._seat, self._mesh, self._outside, self._collect_s = seat, mesh, outside, collect_s
        self._why_not = ""
        self._report: Report | None = None
        self._collector: Collector | None = None

    def words(self) -> str:
        """For the text of this instance's check; empty while it waits for its turn."""
        return self._why_not or (self._report.words() if self._report else "")

    def to_json(self) -> dict[str, Any]:
        """For a page."""
        found: Mapping[str, Any] = self._report.to_json() if self._report else {"data_set": self._seat.name}
        return {**found, "folder": str(self._seat.folder), "leads": self._report is not None, "why_not": self._why_not}

    async def run(self) -> None:
        """Be a candidate whenever that may be, for ever."""
        while True:
            if await self._may():
                with contextlib.suppress(TermEnded):
                    async with self._mesh.leading(pinning.role(self._seat.name)) as term:
                        await self._led(term)
            await asyncio.sleep(AGAIN_S)

    async def _led(self, term: Term) -> None:
        """One term; ends early where this instance may not, or cannot, collect any more."""
        self._collector = None
        try:
            while True:
                try:
                    await self._look(term)
                except TermEnded:
                    raise
                except Unavailable as error:
                    log.info("data set %s waits: %s", self._seat.name, error)
                await asyncio.sleep(self._collect_s / patience.LOOKS)
        except ConfigError as error:
            self._stay_away(str(error))
        finally:
            self._report = None

    async def _look(self, term: Term) -> None:
        """One look; between two of them others may open the data set, to import into it."""
        async with seat.holding(self._seat, self._mesh.consul, LET_GO_S) as held:
            self._collector = self._collector or making.collector(self._seat.folder, self._outside)
            # Before anything is confirmed in its name.
            await self._enter(term, held, self._collector.cursors)
            self._report = await self._collector.look(held, self._collect_s)
            await self._enter(term, held, self._collector.cursors)

    async def _may(self) -> bool:
        """Whether this instance may collect."""
        try:
            verdict = await self._seat.judged(self._mesh.consul)
        except Unavailable:
            return False
        except ConfigError as error:
            self._stay_away(str(error))
            return False
        self._stay_away(verdict.why_not)
        return not verdict.why_not

    def _stay_away(self, why: str) -> None:
        if why and why != self._why_not:
            log.warning("does not collect: %s", why)
        self._why_not = why

    async def _enter(self, term: Term, held: Held, cursors: Mapping[str, int]) -> None:
        async def write(operation: Mapping[str, Any]) -> bool:
            return bool(await term.write([operation]))

        await self._seat.enter(self._mesh.consul, held.uuid, cursors, write)
