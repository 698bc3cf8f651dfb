"""Takes what was probed into the spool, and says when it takes no more: over its limit, or the disk full or broken.

Then nothing more is asked for or probed, and nothing is dropped: what the disk does not take stays in memory, is sent
from there, and is written as soon as the disk takes it.

A card that wears with every sync is written to once in `sync_s`, if the owner wishes so: what the output has taken
meanwhile needs no write at all. A power cut then loses that much more, and nothing that anybody was told is stored.
"""

import asyncio
import contextlib

from hoploom.kit import metrics
from hoploom.kit.errors import Unavailable
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.probing import Sealed
from hoploom.ping_service.station import LOOK_S, Station

MAX_SEALED = 4
"""Batches that may wait to be packed, and that are written together: 20 MB of pings at most, and 100 MB of traceroutes
at 5,000 packets a second. Then nothing more is probed."""

MOST_UNWRITTEN_BYTES = 8 * 2**20
"""So much is written whenever it waits: small machines have little memory, and a kill loses it."""

AGAIN_S = 2.0
"""A disk that took nothing is tried again so often."""

_FULL = metrics.gauge("hoploom_ping_spool_full", "1 while the spool takes no more results, else 0.")


class Spooling:
    """The spooling loop of a worker."""

    def __init__(self, station: Station, outbox: Outbox, sealed: "asyncio.Queue[Sealed]") -> None:
        """Know where batches come from and where they go."""
        self._station, self._outbox, self._sealed = station, outbox, sealed
        self._broken, self._tried_s = "", float("-inf")
        self._is_over = False

    async def run(self) -> None:
        """Spool whatever comes, for ever."""
        while True:
            for each in await self._come():
                await self._outbox.seal(each.batch, counts=each.counts)
                self._station.ring()
            await self._write()
            full = self._broken or await self._over()
            _FULL.set(bool(full))
            self._station.fill(full)

    async def _come(self) -> list[Sealed]:
        """Batches that wait now, those of one sync; none where none comes for a moment."""
        found: list[Sealed] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                found.append(await self._sealed.get())
        while found and len(found) < MAX_SEALED and not self._sealed.empty():
            found.append(self._sealed.get_nowait())
        return found

    async def _write(self) -> None:
        if not self._is_due():
            return
        self._tried_s = self._station.clock()
        try:
            if self._broken:
                await self._outbox.try_out()
            await self._outbox.write()
        except Unavailable as error:
            self._broken = str(error)
        else:
            self._broken = ""

    def _is_due(self) -> bool:
        since_s = self._station.clock() - self._tried_s
        if self._broken:
            return since_s >= AGAIN_S
        is_much = self._outbox.unwritten_bytes >= MOST_UNWRITTEN_BYTES
        return is_much or since_s >= self._station.settings.sync_s

    async def _over(self) -> str:
        try:
            self._is_over = await self._outbox.is_over(was_over=self._is_over)
        except Unavailable as error:
            return str(error)
        most = f"{self._outbox.spool.max_bytes / 2**20:.0f} MiB"
        return f"the spool is full: {most} or half of the free space wait for the output" if self._is_over else ""
