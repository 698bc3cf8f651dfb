"""Tells the input service of the hops that were stored, so that they become targets: in batches, through Fabio.

How far it is stands in the store and moves on after the answer: what was told of just before a crash is told of again,
and the input service knows it already. So each hop becomes a target once, whoever restarts.
"""

import asyncio
import itertools
import logging
from collections.abc import Iterator
from typing import NamedTuple

from hoploom.kit import ServiceClient, credentials, metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import Unavailable
from hoploom.output_service.hops import LAST_ROW, PAGE_ROWS
from hoploom.output_service.store import Store
from hoploom.output_service.told_hops import ToldHops
from hoploom.wire.hops import MAX_HOPS, HopReport, parsed

log = logging.getLogger(__name__)
ROUTE = "/hops"
CURSOR = "hops_told_upto"
"""In the table `meta`: the last row of `traceroute_hops` that was told of."""

LOOK_S = 5.0
"""How long a new hop waits here; the input service lets it wait for others some minutes more."""

TIMEOUT_S = 30.0
_REFUSED_PAUSE_S = 60.0
_UNAUTHORIZED = 401
_REFUSED = frozenset({400, 403, 404, 413, 422})
"""So the input service refuses hops for good; all else passes."""

# As in `hops`: no target's own answer, and nothing that counts for nothing.
_PAGE = """
SELECT DISTINCT b.worker, b.campaign, h.hop FROM traceroute_hops h CROSS JOIN batches b ON b.batch_key = h.batch_key
WHERE h.rowid BETWEEN ? AND ? AND h.hop <> h.address AND h.icmp_type NOT IN (0, 129) AND b.suspect = 0
"""
_CURSOR = "SELECT value FROM meta WHERE name = ?"
_TOLD = metrics.counter("hoploom_output_hops_told_total", "Hops that the input service was told of.", ("result",))
_BEHIND = metrics.gauge("hoploom_output_hops_behind", "Rows of hops that the input service was not told of yet.")


class Found(NamedTuple):
    """A worker's hops of one campaign."""

    worker: str
    campaign: str
    hops: list[str]


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
        known = await self._store.read(_CURSOR, (CURSOR,))
        first = int(known[0][0]) + 1 if known else 1
        last = int((await self._store.read(LAST_ROW))[0][0])
        _BEHIND.set(max(0, last - first + 1))
        if first > last:
            return False
        upto = min(last, first + PAGE_ROWS - 1)
        rows = await self._store.read(_PAGE, (first, upto))
        for found in _by_finder(rows):
            news = self._told.news(found.campaign, found.hops, boottime_s())
            for start in range(0, len(news), MAX_HOPS):
                await self._tell(found._replace(hops=news[start : start + MAX_HOPS]))
        await self._store.note(CURSOR, str(upto))
        return True

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


def _by_finder(rows: list[tuple[str, str, str]]) -> Iterator[Found]:
    for (worker, campaign), group in itertools.groupby(sorted(rows), key=lambda row: row[:2]):
        yield Found(worker, campaign, [hop for _, _, hop in group])
