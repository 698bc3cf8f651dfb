"""What the new owner of slots of hops has to know: which are targets already, and which still waited to become some.

The outputs' stores are the truth: chunks say what became targets in the last day, and whatever else traceroutes found
in that time waits again. While a store is away nobody can say, and the slot has to wait.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

from hoploom.input_service import hop_book
from hoploom.input_service.hop_book import HopBook
from hoploom.input_service.hop_chunks import HopChunks
from hoploom.input_service.hop_rules import HopRules
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import BadRequest, NotFound, Unavailable
from hoploom.wire.fields import Fields
from hoploom.wire.hops import REMEMBERED_S, Hop, parsed

ROUTE = "/api/v1/output/hops"
TIMEOUT_S = 60.0
"""A store reads the million rows of a day in some seconds."""

ANY_WORKER = ""
"""Stands for the worker where a store tells of hops: what one had capped does not come in by this door all at once."""


class Asks(Protocol):
    """Who asks the outputs' stores."""

    async def ask(self, path: str, timeout_s: float = ...) -> Sequence[Mapping[str, Any]]:
        """What each store answers; raises Unavailable while one is away."""


class HopRecovery:
    """Reads chunks and stores."""

    def __init__(self, chunks: HopChunks, rules: HopRules, stores: Asks) -> None:
        """Know where to read."""
        self._chunks, self._rules, self._stores = chunks, rules, stores

    async def recover(self, books: Mapping[int, HopBook]) -> None:
        """Fill the empty books of slots that this instance owns by now.

        Raises:
            Unavailable: Consul or a store is away.
        """
        # In threads: a million hops take seconds, and nobody else has these books yet.
        for made in await self._chunks.live():
            until_s = boottime_s() + REMEMBERED_S - made.age_s
            await asyncio.to_thread(hop_book.made, books, made.hops, until_s)
        query = urlencode([*(("slot", slot) for slot in books), ("since_s", REMEMBERED_S)])
        for document in await self._stores.ask(f"{ROUTE}?{query}", TIMEOUT_S):
            for campaign, hops in (await asyncio.to_thread(_stored, document, books.keys())).items():
                await self._take(campaign, hops, books)

    async def _take(self, campaign: str, hops: Sequence[Hop], books: Mapping[int, HopBook]) -> None:
        try:
            parent, good, _ = await self._rules.sift(campaign, hops)
        except NotFound:
            # Its traceroutes outlive a campaign.
            return
        await asyncio.to_thread(hop_book.take, books, ANY_WORKER, parent.id, good, boottime_s())


def _stored(document: Mapping[str, Any], slots: Collection[int]) -> dict[str, list[Hop]]:
    """A store's hops of some slots, by campaign; raises Unavailable where it answers nonsense."""
    try:
        found = Fields(document, "hops of a store").object("hops")
        return {campaign: [hop for hop in parsed(texts) if hop.slot in slots] for campaign, texts in found.items()}
    except (BadRequest, TypeError) as error:
        raise Unavailable(f"store {document.get('store')} does not say which hops it has: {error}") from error
