"""Finds out which networks a campaign has: its document, asked of the input service once for each edition.

Who is away is waited for, so that the names of a campaign stay the same; but not for ever, because a live picture with
coarser names is more than none. A campaign that nobody knows (an import, or one that was removed) has such names too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from hoploom.kit.errors import Unavailable, Unprocessable
from hoploom.kit.http_client import Answer
from hoploom.output_service.rollups.batches import StoredBatch
from hoploom.targets.network_table import NetworkTable
from hoploom.targets.networks import from_document

log = logging.getLogger(__name__)
PATIENCE_S: Final = 30.0
AGAIN_S: Final = 60.0
"""After which it is asked again for what was given up."""

_KEPT: Final = 64
"""Tables; each takes some 40 bytes a block."""

_OK, _NOT_FOUND = 200, 404
_SETS: Final = "/api/v1/sets/"
_CAMPAIGNS: Final = "/api/v1/campaigns/"


class Asks(Protocol):
    """The input service, as far as it is asked here."""

    def __call__(self, path: str) -> Awaitable[Answer]:
        """Its answer to a GET; raises Unavailable where nobody answers."""


class Naming:
    """The networks of the campaigns whose batches came; see `cells.Networks`."""

    def __init__(self, ask: Asks, clock_s: Callable[[], float]) -> None:
        """Know whom to ask, and a clock that nobody sets."""
        self._ask, self._clock_s = ask, clock_s
        self._tables: OrderedDict[int, NetworkTable] = OrderedDict()
        self._unknown = NetworkTable({})
        self._silent_since_s: float | None = None
        # Until when an edition goes without its document.
        self._given_up: dict[int, float] = {}

    def of(self, measurement: int) -> NetworkTable:
        """The networks of an edition of a campaign, by its permanent number."""
        return self._tables.get(measurement, self._unknown)

    async def learn(self, batches: Sequence[StoredBatch]) -> None:
        """Find out what is not known yet of the campaigns of these batches.

        Raises:
            Unavailable: Nobody answers, and that for less than `PATIENCE_S`.
        """
        wanted = {each.measurement: each.campaign for each in batches}
        for measurement, campaign in wanted.items():
            if measurement in self._tables:
                self._tables.move_to_end(measurement)
            elif self._clock_s() >= self._given_up.get(measurement, 0.0):
                await self._learn(measurement, campaign)
        while len(self._tables) > max(_KEPT, len(wanted)):
            self._tables.popitem(last=False)

    async def _learn(self, measurement: int, campaign: str) -> None:
        try:
            found = await self._asked(campaign)
        except Unavailable as error:
            now_s = self._clock_s()
            self._silent_since_s = now_s if self._silent_since_s is None else self._silent_since_s
            if now_s - self._silent_since_s < PATIENCE_S:
                raise
            log.warning("networks of %s go by their /8 for now: %s", campaign, error)
            self._given_up[measurement] = now_s + AGAIN_S
            return
        self._silent_since_s = None
        self._given_up.pop(measurement, None)
        self._tables[measurement] = found

    async def _asked(self, campaign: str) -> NetworkTable:
        described = await self._document(f"{_CAMPAIGNS}{campaign}?here=yes")
        name = str(described["campaign"].get("networks") or "") if described else ""
        document = await self._document(f"{_SETS}{name}") if name else None
        if document is None:
            return self._unknown
        try:
            return await asyncio.to_thread(lambda: NetworkTable(from_document(document)))
        except Unprocessable as error:
            log.warning("networks of %s go by their /8: %s", campaign, error)
            return self._unknown

    async def _document(self, path: str) -> dict[str, Any] | None:
        """What the input service says, None where it knows no such thing."""
        answer = await self._ask(path)
        if answer.status == _NOT_FOUND and not answer.is_elsewhere:
            return None
        if answer.status != _OK:
            raise Unavailable(f"the input service does not tell of networks now: {answer.reason()}")
        found: dict[str, Any] = answer.json()
        return found
