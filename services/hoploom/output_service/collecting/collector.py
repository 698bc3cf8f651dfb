"""Looks at every store and has what is due fetched: the core of `hoploom collect` and of the role.

A store that is away, slow, broken or hostile costs the others nothing but a place among those that are fetched from at
a time.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import ConfigError, Unavailable, Unprocessable
from hoploom.output_service.collecting import offers, patience
from hoploom.output_service.collecting.downloads import Downloads
from hoploom.output_service.collecting.fetching import Cursor, Fetching
from hoploom.output_service.collecting.finding import Finder, Found
from hoploom.output_service.collecting.held import Held
from hoploom.output_service.collecting.offers import Offer
from hoploom.output_service.collecting.output_client import OutputClient, TwoStores
from hoploom.output_service.collecting.quarantine import Quarantine
from hoploom.output_service.collecting.report import AWAY, BLOCKED, COLLECTED, WAITING, Report, StoreRow

log = logging.getLogger(__name__)
AT_A_TIME = 4
"""Stores that are fetched from together; merging is one at a time anyway."""

_BEHIND = metrics.gauge("hoploom_collector_behind_batches", "Batches of a store that the data set has not.", ("store",))
_WAITS = metrics.gauge("hoploom_collector_behind_seconds", "How long the oldest of them have waited.", ("store",))
_STORES = metrics.gauge("hoploom_collector_stores", "Stores in this state at the last look.", ("state",))
_LOOKS = metrics.counter("hoploom_collector_looks_total", "Looks at all stores that came to their end.")


@dataclass(frozen=True)
class Means:
    """What a collector works with."""

    finder: Finder
    client: OutputClient
    downloads: Downloads
    quarantine: Quarantine


@dataclass
class _Book:
    """What is remembered of a store between two looks."""

    cursor: Cursor
    row: StoreRow
    behind: patience.Behind | None = None
    trouble: patience.Trouble | None = None


@dataclass(frozen=True)
class _Look:
    """One look: the data set, which is open for as long as it takes, and the way into it."""

    held: Held
    fetching: Fetching
    longest_s: float


class Collector:
    """Collects into one data set, which others may open between two looks."""

    def __init__(self, means: Means) -> None:
        """Know nothing of any store yet."""
        self._means = means
        self._books: dict[str, _Book] = {}
        self._slots = asyncio.Semaphore(AT_A_TIME)
        self._no_parquet = ""

    @property
    def cursors(self) -> Mapping[str, int]:
        """How far the data set has each store that was looked at."""
        return {store: book.cursor.upto for store, book in self._books.items() if book.cursor.upto}

    async def look(self, held: Held, longest_s: float = 0.0) -> Report:
        """Look at every store once, and take what is due.

        Args:
            held: The data set; the same at each look.
            longest_s: Results of a store that is just being filled may wait so long; 0 takes all that there is.
        """
        found = await self._means.finder.find()
        look = _Look(held, Fetching(held, self._means.client, self._means.downloads), longest_s)
        visits = (self._visited(look, *each) for each in found.stores.items())
        # To the end of all: what one of them left under way would meet the next look's.
        ended = await asyncio.gather(*visits, return_exceptions=True)
        rows = [_row(each) for each in ended]
        await self._write_parquet(held)
        stores = (*rows, *await self._absent(held, found))
        made = Report(held.name, held.uuid, stores, found.away, self._no_parquet)
        for each in made.stores:
            _BEHIND.labels(each.store).set(each.behind)
            _WAITS.labels(each.store).set(each.waits_s)
        for state in (COLLECTED, WAITING, AWAY, BLOCKED):
            _STORES.labels(state).set(sum(each.state == state for each in made.stores))
        _LOOKS.inc()
        return made

    async def _write_parquet(self, held: Held) -> None:
        """What is new goes into the Parquet files too; where that cannot be, the data set is whole without them."""
        try:
            await held.write_parquet()
            self._no_parquet = ""
        except (ConfigError, Unavailable) as error:
            if str(error) != self._no_parquet:
                log.warning("no Parquet files are written: %s", error)
            self._no_parquet = str(error)

    async def _visited(self, look: _Look, store: str, instances: tuple[Instance, ...]) -> StoreRow:
        """One store; whatever is wrong with it stands in its row."""
        book = await self._book(look.held, store)
        row = replace(book.row, instance=instances[0].id, dc=instances[0].dc)
        why = self._means.quarantine.why(store)
        if why:
            row = replace(row, state=BLOCKED, why=why)
        elif not book.trouble or boottime_s() >= book.trouble.until_s:
            async with self._slots:
                row = await self._tried(look, replace(row, why=""), book, instances)
        names = ("upto", "batches", "rows", "duplicates", "conflicts")
        book.row = replace(row, **{name: getattr(book.cursor, name) for name in names})
        return book.row

    async def _tried(
        self, look: _Look, row: StoreRow, book: _Book, instances: tuple[Instance, ...]
    ) -> StoreRow:
        try:
            row = await self._collected(look, row, book, instances)
        except Unprocessable as error:
            log.warning("store %s is left alone: %s", row.store, error)
            self._means.quarantine.put(row.store, str(error), getattr(error, "path", None))
            return replace(row, state=BLOCKED, why=str(error))
        except Unavailable as error:
            log.info("store %s waits: %s", row.store, error)
            book.trouble = patience.after(book.trouble, boottime_s(), error.retry_after_s)
            return replace(row, state=BLOCKED if isinstance(error, TwoStores) else AWAY, why=str(error))
        book.trouble = None
        return row

    async def _collected(
        self, look: _Look, row: StoreRow, book: _Book, instances: tuple[Instance, ...]
    ) -> StoreRow:
        url, offer = await self._means.client.offer(row.store, instances, book.cursor.upto)
        if _was_put_back(offer, book.cursor):
            return replace(row, state=BLOCKED, last_seq=offer.last_seq, why=_put_back(offer, book.cursor))
        before, now_s = book.behind, boottime_s()
        behind = offer.last_seq - book.cursor.upto - offers.lost(offer, book.cursor.upto)
        book.behind = patience.seen(before, behind, offer.last_seq, now_s)
        if book.behind and not patience.is_due(before, book.behind, now_s, look.longest_s):
            waits_s = now_s - book.behind.since_s
            return replace(row, state=WAITING, last_seq=offer.last_seq, behind=behind, waits_s=waits_s)
        await look.fetching.catch_up(url, offer, book.cursor)
        book.behind = None
        await look.fetching.confirm(url, book.cursor)
        self._means.quarantine.clear(row.store)
        lost = book.cursor.lost + offers.lost(offer, book.cursor.upto)
        last_seq = max(offer.last_seq, book.cursor.upto)
        return replace(row, state=COLLECTED, last_seq=last_seq, behind=0, waits_s=0.0, lost=lost)

    async def _absent(self, held: Held, found: Found) -> list[StoreRow]:
        """The stores of which no instance is known now."""
        rows = [(await self._book(held, store)).row for store in found.absent]
        return [replace(row, state=AWAY, why="it has no instance") for row in rows]

    async def _book(self, held: Held, store: str) -> _Book:
        """What is remembered of a store; how far it is, the data set says, which others may have taken further."""
        upto = await held.upto(store)
        book = self._books.setdefault(store, _Book(Cursor(store, upto), StoreRow(store, AWAY)))
        book.cursor.upto, book.cursor.batch = upto, await held.last_batch(store)
        return book


def _row(ended: StoreRow | BaseException) -> StoreRow:
    if isinstance(ended, BaseException):
        raise ended
    return ended


def _was_put_back(offer: Offer, cursor: Cursor) -> bool:
    """Whether a store is an older copy of itself, also one that has gone on beyond the cursor since."""
    return offer.last_seq < cursor.upto or bool(offer.at and cursor.batch and offer.at != cursor.batch)


def _put_back(offer: Offer, cursor: Cursor) -> str:
    is_shorter = offer.last_seq < cursor.upto
    ends = f"it ends at batch {offer.last_seq}" if is_shorter else f"its batch {cursor.upto} is another"
    return (
        f"{ends}, and the set has it up to {cursor.upto}: an older copy of it was put back, "
        "and what it stores now is numbered anew; merge its dump by hand, and give it a new --db-dir"
    )
