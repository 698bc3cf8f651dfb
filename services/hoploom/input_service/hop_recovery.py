"""What the new owner of slots of hops has to know: which are targets already, and which still waited to become some.

The outputs' stores are the truth: chunks say what became targets in the last day, and whatever else traceroutes found
in that time waits again. While a store is away nobody can say, and the slot has to wait.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

from hoploom.input_service import hop_book
from hoploom.input_service.hop_book import HopBook
from hoploom.input_service.hop_chunks import HopChunks
from hoploom.input_service.hop_rules import HopRules
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import BadRequest, NotFound, Unavailable
from hoploom.wire.fields import Fields
from hoploom.wire.hops import MAX_HOPS, REMEMBERED_S, Hop, parsed

ROUTE = "/api/v1/output/hops"
TIMEOUT_S = 60.0
"""A store reads the million rows of a day in some seconds."""

MAX_STORED = 10_000_000
"""Of one campaign; ten times what all slots remember."""

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
            for campaign, texts in _stored(document):
                await self._take(campaign, texts, books)

    async def _take(self, campaign: str, texts: Sequence[str], books: Mapping[int, HopBook]) -> None:
        hops = await asyncio.to_thread(_unknown, texts, books)
        try:
            parent, good, _ = await self._rules.sift(campaign, hops)
        except NotFound:
            # Its traceroutes outlive a campaign.
            return
        await asyncio.to_thread(hop_book.take, books, ANY_WORKER, parent.id, good, boottime_s())


def _stored(document: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    """A store's hops with their campaign, in pieces that let others run in between.

    Raises:
        Unavailable: It answers nonsense.
    """
    try:
        known = Fields(Fields(document, "a store's answer").object("hops"), "hops of a store", versioned=False)
        for campaign in document["hops"]:
            texts = known.texts(campaign, longest=MAX_STORED)
            yield from ((campaign, texts[at : at + MAX_HOPS]) for at in range(0, len(texts), MAX_HOPS))
    except BadRequest as error:
        raise Unavailable(f"store {document.get('store')} does not say which hops it has: {error}") from error


def _unknown(texts: Sequence[str], books: Mapping[int, HopBook]) -> list[Hop]:
    """Hops of these books' slots that are not known there; most of a day's are, and cost no further look."""
    try:
        found = parsed(texts)
    except BadRequest as error:
        raise Unavailable(f"a store does not say which hops it has: {error}") from error
    return [hop for hop in found if hop.slot in books and not books[hop.slot].knows(hop.packed, boottime_s())]
