"""The loop that adds what was stored, in a thread of its own and of low priority: whoever stores batches goes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import apsw

from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.output_service.copying import stand_back
from hoploom.output_service.news import News
from hoploom.output_service.rollups import reading
from hoploom.output_service.rollups.batches import Rollup, StoredBatch
from hoploom.output_service.rollups.naming import Naming
from hoploom.output_service.rollups.sums import Sums
from hoploom.output_service.store import Store

T = TypeVar("T")
log = logging.getLogger(__name__)
STEP_ROWS: Final = 65_536
"""Added in one transaction: 10 MB of columns, a quarter of a second."""

PACE_S: Final = 1.0
"""Between two steps where little came: many small batches cost as much as one large one then."""

BUSY_TIMES: Final = 4.0
"""As long as batches come in, so much longer than a step is the pause after it: a fifth of a core at most, which adds
up 80,000 results a second and more. What is behind then catches up when the store rests."""

MOST_PAUSE_S: Final = 10.0
LOOK_S: Final = 60.0
_BEHIND = metrics.gauge("hoploom_output_rollup_batches_behind", "Stored batches that are in no sums yet.")
_ADDED = metrics.counter("hoploom_output_rollup_results_total", "Results that were added up.")


class Rolling:
    """Keeps the sums of one store."""

    def __init__(self, store: Store, news: News, naming: Naming, rollups: Sequence[Rollup]) -> None:
        """Open nothing yet.

        Args:
            store: What is added up.
            news: Says when something was stored.
            naming: Knows networks.
            rollups: All of them are kept in one file in the store's folder.
        """
        self._store, self._news, self._naming, self._rollups = store, news, naming, rollups
        self._thread = ThreadPoolExecutor(1, "rollups", stand_back)
        self._sums: Sums | None = None

    async def run(self) -> None:
        """Add what is stored, for ever."""
        while True:
            count, began_s = self._news.count, boottime_s()
            try:
                added = await self.step()
            except Unavailable as error:
                log.info("sums wait: %s", error)
                await asyncio.sleep(max(error.retry_after_s, PACE_S))
                continue
            took_s, is_busy = boottime_s() - began_s, self._news.count != count
            if not added:
                await self._news.after(count, LOOK_S)
            await asyncio.sleep(pause_s(added, took_s, is_busy=is_busy))

    async def step(self) -> int:
        """Add the next batches.

        Returns:
            About how many rows were looked at; 0 where nothing is left.

        Raises:
            Unavailable: The store or the sums cannot be used now, or a campaign's networks cannot be learned yet.
        """
        sums = await self._opened()
        upto, found = await self._in_thread(lambda: _next(sums, self._store))
        _BEHIND.set(max(0, self._store.writer.seq - upto))
        if found.upto == upto:
            return 0
        await self._naming.learn(found.batches)
        await self._in_thread(lambda: sums.add(found.batches, found.upto))
        _BEHIND.set(max(0, self._store.writer.seq - found.upto))
        rows = sum(map(_size, found.batches))
        _ADDED.inc(sum(len(each.rows.address) for each in found.batches))
        await self._in_thread(sums.measure)
        return max(rows, 1)

    async def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """What a function answers that gets a read-only connection to the sums; it runs in a thread.

        Raises:
            Unavailable: They cannot be read now, or it takes too long.
        """
        if self._sums is None:
            raise Unavailable("the sums are being opened", retry_after_s=1.0)
        return await asyncio.to_thread(self._sums.ask, question)

    def close(self) -> None:
        """Wait for the step that is under way, and close the file."""
        self._thread.shutdown(cancel_futures=True)
        if self._sums is not None:
            self._sums.close()

    async def _opened(self) -> Sums:
        return await self._in_thread(self._open) if self._sums is None else self._sums

    def _open(self) -> Sums:
        # Kept here and not where it is waited for: nobody may wait any more when this instance stops.
        self._sums = sums = Sums(self._store.files.folder, self._store.uuid, self._rollups)
        if sums.upto > self._store.writer.seq:
            sums.renew("it is ahead of its store, which is an older copy", "ahead")
        return sums

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def pause_s(added: int, took_s: float, *, is_busy: bool) -> float:
    """How long to wait after a step that looked at so many rows in so many seconds; busy: while batches came."""
    least = 0.0 if added >= STEP_ROWS // 2 else PACE_S
    return min(MOST_PAUSE_S, max(least, BUSY_TIMES * took_s if is_busy else 0.0))


def _next(sums: Sums, store: Store) -> tuple[int, reading.Following]:
    sums.look()
    upto = sums.upto
    return upto, reading.following(store.files, upto, STEP_ROWS)


def _size(batch: StoredBatch) -> int:
    hops = getattr(batch.rows, "hop_target", ())
    return len(batch.rows.address) + len(hops)
