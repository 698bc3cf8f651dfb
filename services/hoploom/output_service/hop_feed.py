"""Tells the input service of the hops that were stored, so that they become targets: in batches, through Fabio.

How far it is stands in the store and moves on after the answer: what was told of just before a crash is told of again,
and the input service knows it already. So each hop becomes a target once, whoever restarts.
"""

import asyncio
import itertools
import logging
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from hoploom.kit import ServiceClient, credentials, metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.output_service.hops import HOPS, PAGE_ROWS
from hoploom.output_service.schema import of_every_batch
from hoploom.output_service.store import Store
from hoploom.output_service.told_hops import ToldHops
from hoploom.wire.hops import MAX_HOPS, HopReport, parsed

log = logging.getLogger(__name__)
ROUTE = "/hops"
CURSOR = "hops_told_upto"
"""In the table `meta`: the last batch (`seq`) whose hops were told of."""

LOOK_S = 5.0
"""How long a new hop waits here; the input service lets it wait for others some minutes more."""

TIMEOUT_S = 30.0
_REFUSED_PAUSE_S = 60.0
_UNAUTHORIZED = 401
_REFUSED = frozenset({400, 403, 404, 413, 422})
"""So the input service refuses hops for good; all else passes."""

_PAGE = HOPS.format(what="b.worker, b.campaign, h.hop")
_FIRST = of_every_batch("min(seq)", "seq > ?1 AND hop_rows > 0")
_NEXT = """
SELECT seq, first_hop, hop_rows FROM batches JOIN locations USING (seq) WHERE seq > ? AND hop_rows > 0
ORDER BY seq LIMIT 1000
"""
_AFTER = of_every_batch("sum(hop_rows)", "seq > ?1 AND hop_rows > 0")
_CURSOR = "SELECT value FROM meta WHERE name = ?"
_TOLD = metrics.counter("hoploom_output_hops_told_total", "Hops that the input service was told of.", ("result",))
_BEHIND = metrics.gauge("hoploom_output_hops_behind", "Rows of hops that the input service was not told of yet.")


class Found(NamedTuple):
    """A worker's hops of one campaign."""

    worker: str
    campaign: str
    hops: list[str]


class _Batch(NamedTuple):
    """A batch with hops, and where they lie."""

    seq: int
    first_hop: int
    hop_rows: int


class HopFeed:
    """The loop of one instance."""

    def __init__(self, store: Store, fabio: ServiceClient, token: str) -> None:
        """Know where hops are and whom to tell."""
        self._store, self._fabio, self._headers = store, fabio, credentials.header(token)
        self._told = ToldHops()

    async def run(self) -> None:
        """Tell of every hop that is stored, for ever."""
        while True:
            try:
                pause_s = 0.0 if await self.step() else LOOK_S
            except Unavailable as error:
                log.info("hops wait: %s", error)
                pause_s = max(error.retry_after_s, 1.0)
            await asyncio.sleep(pause_s)

    async def step(self) -> bool:
        """Tell of the next page; False where there is none.

        Raises:
            Unavailable: The input service cannot be told now, or the store cannot be read; nothing is lost.
        """
        told = await _cursor(self._store)
        _BEHIND.set((await self._store.read(_AFTER, (told,)))[0][0] or 0)
        number = await self._file(told)
        batches = _page(await self._store.read(_NEXT, (told,), number=number)) if number else []
        if not batches:
            return False
        rows = await self._rows(number, batches[0].first_hop, batches[-1].first_hop + batches[-1].hop_rows)
        for found in _by_finder(rows):
            news = self._told.news(found.campaign, found.hops, boottime_s())
            for start in range(0, len(news), MAX_HOPS):
                await self._tell(found._replace(hops=news[start : start + MAX_HOPS]))
        await self._store.note(CURSOR, str(batches[-1].seq))
        return True

    async def _file(self, told: int) -> int:
        """The file with the next hops, 0 where there are none; old files are finished first."""
        first = (await self._store.read(_FIRST, (told,)))[0][0]
        readable = self._store.files.numbers()
        while first and self._store.files.number_of(first) not in readable:
            log.warning("hops from batch %s on were pruned before the input service was told of them", first)
            stop = self._store.files.stop_seq(self._store.files.number_of(first))
            # Or no later file would go until there are hops once more.
            await self._store.note(CURSOR, str(stop - 1))
            first = (await self._store.read(_FIRST, (stop - 1,)))[0][0]
        return self._store.files.number_of(first) if first else 0

    async def _rows(self, number: int, first: int, stop: int) -> set[tuple[str, str, str]]:
        """Who found which hops of which campaign, in rows that are read page by page: a batch may have many."""
        found: set[tuple[str, str, str]] = set()
        for start in range(first, stop, PAGE_ROWS):
            found.update(await self._store.read(_PAGE, (start, min(stop, start + PAGE_ROWS) - 1), number=number))
        return found

    async def _tell(self, found: Found) -> None:
        report = HopReport(worker=found.worker, campaign=found.campaign, hops=parsed(found.hops))
        answer = await self._fabio.request(
            "POST", ROUTE, json=report.to_json(), headers=self._headers, timeout_s=TIMEOUT_S
        )
        if answer.status == _UNAUTHORIZED:
            raise Unavailable(f"this instance may not tell of hops: {answer.reason()}", _REFUSED_PAUSE_S)
        if answer.is_elsewhere or not (answer.ok or answer.status in _REFUSED):
            raise Unavailable(f"nobody takes hops now ({answer.status}): {answer.reason()}", LOOK_S)
        if not answer.ok:
            # The campaign is gone, or the worker was revoked: nobody will ever take them.
            log.warning("%s hops of %s become no targets: %s", len(found.hops), found.campaign, answer.reason())
        _TOLD.labels("taken" if answer.ok else "refused").inc(len(found.hops))
        self._told.told(found.campaign, found.hops, boottime_s())


async def told_upto(store: Store) -> int:
    """The input service was told of all hops up to this batch."""
    first = (await store.read(_FIRST, (await _cursor(store),)))[0][0]
    return int(first) - 1 if first else await store.last_seq()


async def _cursor(store: Store) -> int:
    known = await store.read(_CURSOR, (CURSOR,))
    return int(known[0][0]) if known else 0


def _page(following: Iterable[tuple[Any, ...]]) -> list[_Batch]:
    """The next batches, one at least where there is one, and not many more hops than a page has."""
    found: list[_Batch] = []
    for batch in map(_Batch._make, following):
        if found and batch.first_hop + batch.hop_rows - found[0].first_hop > PAGE_ROWS:
            break
        found.append(batch)
    return found


def _by_finder(rows: Iterable[tuple[str, str, str]]) -> Iterator[Found]:
    for (worker, campaign), group in itertools.groupby(sorted(rows), key=lambda row: row[:2]):
        yield Found(worker, campaign, [hop for _, _, hop in group])
