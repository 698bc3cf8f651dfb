"""Takes in ads, whoever brings them: what is new and proven goes into the registry and on to the others."""

import asyncio
import logging
from collections.abc import Sequence

from hoploom.kit import metrics
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.manager.ads_flood import Flood
from hoploom.manager.ads_proof import Proof
from hoploom.manager.registry import Registry
from hoploom.wire.ads import Ad, Envelope

log = logging.getLogger(__name__)
_REFUSED = metrics.counter("hoploom_ads_refused_total", "Ads that were not believed, by status.", ("status",))


class Hearing:
    """The one way into the registry."""

    def __init__(self, registry: Registry, proof: Proof, flood: Flood) -> None:
        """Hear for these."""
        self._registry, self._proof, self._flood = registry, proof, flood

    async def hear(self, envelopes: Sequence[Envelope], sender: str = "") -> list[Ad]:
        """Take in ads.

        Args:
            envelopes: As they came.
            sender: Id of the manager that brings them; empty for a worker.

        Returns:
            Those that are believed, or were known.

        Raises:
            BadRequest, Unavailable: None of them is; the reason of the first.
        """
        good: list[Ad] = []
        refusals: list[BadRequest | Unavailable] = []
        for envelope in envelopes:
            try:
                good.append(await self._one(envelope, sender))
            except (BadRequest, Unavailable) as error:
                _REFUSED.labels(str(error.status)).inc()
                log.debug("an ad is not believed: %s", error)
                refusals.append(error)
        if refusals and not good:
            raise refusals[0]
        return good

    async def _one(self, envelope: Envelope, sender: str) -> Ad:
        ad = Ad.from_bytes(envelope.ad)
        if self._registry.knows(ad):
            self._flood.told(sender, ad)
            return ad
        # A signature takes a small machine 0.3 ms: others have their turn between two.
        await asyncio.sleep(0)
        await self._proof.check(ad, envelope)
        # Not before: who makes up an ad must not have a true one fall out of a queue.
        self._flood.told(sender, ad)
        if self._registry.hear(ad, envelope).is_news:
            self._flood.pass_on(ad, envelope, but=sender)
        return ad
