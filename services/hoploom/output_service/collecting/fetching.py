"""Brings one store's new results into the data set: fetched in order, taken, and only then confirmed."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from hoploom.kit import metrics
from hoploom.kit.errors import BadRequest, ConfigError, Unavailable, Unprocessable
from hoploom.output_service.collecting import offers
from hoploom.output_service.collecting.downloads import Damaged, Downloads, Fetched
from hoploom.output_service.collecting.held import Held
from hoploom.output_service.collecting.offers import Offer, Whole
from hoploom.output_service.collecting.output_client import Confirmation, OutputClient

log = logging.getLogger(__name__)
MAX_DAMAGED = 3
"""After so many wrong checksums in a row it is not the network."""

_BATCHES = metrics.counter("hoploom_collector_batches_total", "Batches taken into the data set.", ("result",))
_ROWS = metrics.counter("hoploom_collector_rows_total", "Rows of results taken into the data set.")


class Refused(Unprocessable):
    """A store, or a file of it, is no good; it has to wait, and the others go on.

    Attributes:
        path: The file; None where it is something else.
    """

    def __init__(self, reason: str, path: Path | None = None) -> None:
        """Say why."""
        super().__init__(reason)
        self.path = path


@dataclass
class Cursor:
    """How far the data set has one store, as of the last time that it was asked.

    Attributes:
        store: UUID of the store.
        upto: The data set has it up to here.
        batch: Id of that batch; empty where it is not known.
        confirmed: Its output was told so up to here; 0 at the start, so that it is told again.
        damaged: Wrong checksums in a row.
        lost: Batches that were pruned before the data set had them, and that it has passed over since the start.
        batches: New batches since the start.
        rows: Rows that came with them.
        duplicates: Batches since the start that were there already.
        conflicts: Those of them that were there with other content.
    """

    store: str
    upto: int
    batch: str = ""
    confirmed: int = 0
    damaged: int = 0
    lost: int = 0
    batches: int = 0
    rows: int = 0
    duplicates: int = 0
    conflicts: int = 0


class Fetching:
    """The way from outputs into one data set."""

    def __init__(self, held: Held, client: OutputClient, downloads: Downloads) -> None:
        """Know the data set and the ways to outputs."""
        self._held, self._client, self._downloads = held, client, downloads

    async def catch_up(self, url: str, offer: Offer, cursor: Cursor) -> None:
        """Take everything that a store offers beyond the cursor, which moves with each file.

        Raises:
            Refused: Something of it is no good.
            Unavailable: Something does not come now, or there is no room for it.
        """
        gone = offers.lost(offer, cursor.upto)
        while step := offers.next_step(offer, cursor.upto):
            await self._take(cursor, await self._fetched(url, step, cursor))
            try:
                await self.confirm(url, cursor)
            except Unavailable as error:
                # Told again at the end: what it has is worth more than its free space.
                log.info("store %s is not told how far it is collected: %s", offer.store, error)
        if passed := gone - offers.lost(offer, cursor.upto):
            cursor.lost += passed
            log.warning("store %s had pruned %s batches that %s never had", offer.store, passed, self._held.name)

    async def confirm(self, url: str, cursor: Cursor) -> None:
        """Tell a store how far the data set has it, unless it was told.

        Raises:
            Unavailable: It was not heard, or is not believed.
        """
        if cursor.confirmed != cursor.upto:
            said = Confirmation(self._held.name, self._held.uuid, cursor.store, cursor.upto)
            await self._client.confirm(url, said)
            cursor.confirmed = said.upto

    async def _fetched(self, url: str, step: offers.Step, cursor: Cursor) -> Fetched:
        try:
            if isinstance(step, Whole):
                found = await self._downloads.whole(url, cursor.store, step.file)
            else:
                found = await self._downloads.part(url, cursor.store, step.since, step.upto)
        except Damaged as error:
            cursor.damaged += 1
            if cursor.damaged < MAX_DAMAGED:
                raise
            cursor.damaged = 0
            raise Refused(f"{MAX_DAMAGED} times in a row what it sent was not what it announced: {error}") from error
        except Unprocessable as error:
            raise Refused(str(error)) from error
        cursor.damaged = 0
        return found

    async def _take(self, cursor: Cursor, fetched: Fetched) -> None:
        try:
            taken = await self._held.take(fetched.path, cursor.store, cursor.upto)
        except (ConfigError, BadRequest) as error:
            raise Refused(str(error), fetched.path) from error
        before, cursor.upto = cursor.upto, await self._held.upto(cursor.store)
        cursor.batch = await self._held.last_batch(cursor.store)
        await asyncio.to_thread(fetched.path.unlink, missing_ok=True)
        if not before < cursor.upto == fetched.last_seq:
            raise Refused(f"a file up to batch {fetched.last_seq} took the set from {before} to {cursor.upto}")
        cursor.batches += taken.batches
        cursor.rows += taken.rows
        cursor.duplicates += taken.duplicates
        cursor.conflicts += taken.conflicts
        _ROWS.inc(taken.rows)
        _BATCHES.labels("new").inc(taken.batches)
        _BATCHES.labels("duplicate").inc(taken.duplicates)
        _BATCHES.labels("conflict").inc(taken.conflicts)
        log.info("data set %s has store %s up to %s", self._held.name, cursor.store, cursor.upto)
