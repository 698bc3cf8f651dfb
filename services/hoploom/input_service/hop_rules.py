"""What holds for the hops of a campaign: read from the campaign, its sets and the overlay, then sifted."""

import asyncio
from collections.abc import Sequence

from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.hop_sieve import Sieve
from hoploom.input_service.overlay import Overlay
from hoploom.input_service.sets import Sets
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.wire.campaign import FAMILIES, Campaign
from hoploom.wire.hops import Hop


class HopRules:
    """Says which hops may be probed."""

    def __init__(self, campaigns: Campaigns, sets: Sets, overlay: Overlay) -> None:
        """Know where all rules are kept."""
        self._campaigns, self._sets, self._overlay = campaigns, sets, overlay

    async def campaign(self, campaign_id: str) -> Campaign:
        """The campaign that a hop is probed for: of hops' own traceroutes the one that somebody made.

        Raises:
            NotFound: There is none.
        """
        found = await self._campaigns.get(campaign_id)
        return await self._campaigns.get(found.parent) if found.parent else found

    async def sift(self, campaign_id: str, hops: Sequence[Hop]) -> tuple[Campaign, list[Hop], dict[str, int]]:
        """Split hops into those that may become targets and others.

        Args:
            campaign_id: The campaign whose traceroutes found them.
            hops: Different hops.

        Returns:
            The campaign that they are probed for, those that may, and how many of the others by reason, as in
            `HopAnswer`.

        Raises:
            NotFound: There is no such campaign.
            Unavailable: Consul is away, or opt-outs are not known yet.
        """
        campaign = await self.campaign(campaign_id)
        sieve = await self._sieve(campaign)
        good, held = await asyncio.to_thread(sieve.sift, hops)
        return campaign, good, held

    async def _sieve(self, campaign: Campaign) -> Sieve:
        orders = self._overlay.current
        if orders is None:
            raise Unavailable("opt-outs are not known yet, so no hop becomes a target")
        try:
            return Sieve(
                sets=[await self._sets.addresses(each.sha256) for each in campaign.sets.values()],
                excludes=await self._sets.blocks(campaign.excludes) if campaign.excludes else {},
                opt_outs={family: orders.away_from(family) for family in FAMILIES},
                attended=bool(campaign.contact),
            )
        except NotFound as error:
            raise Unavailable(f"the rules of {campaign.id} cannot be read: {error}") from error
