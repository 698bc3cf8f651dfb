"""Stops campaigns for good: the campaign's record says so for ever, and the overlay for a day.

The record is what hands out nothing any more, in every datacenter that pulls it and after any restart. The overlay is
what workers hear within seconds, of the version before too, which takes it for a pause; it is small and told to all
workers, so it names a campaign no longer than leases of it can be out.
"""

from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.overlay import Overlay
from hoploom.kit.clock import wall_us
from hoploom.wire.campaign import Campaign

TOLD_US = 24 * 3600 * 1_000_000
"""By wall clocks of several machines, so much longer than any lease."""


class Stopping:
    """Stops campaigns, and has the overlay follow their records."""

    def __init__(self, campaigns: Campaigns, overlay: Overlay) -> None:
        """Know where both are kept."""
        self._campaigns, self._overlay = campaigns, overlay

    async def stop(self, campaign_id: str, by: str) -> tuple[Campaign, bool]:
        """Stop a campaign; sent again, it ends what an earlier call has left undone.

        Args:
            campaign_id: The campaign.
            by: Who stops it.

        Returns:
            The campaign, and whether it is new that it is stopped.

        Raises:
            NotFound, Unprocessable, Unavailable: As `Campaigns.stop`.
        """
        campaign, new = await self._campaigns.stop(campaign_id, by)
        await self.settle(campaign)
        return campaign, new

    async def settle(self, campaign: Campaign) -> None:
        """Have the overlay say of a campaign what its record says; raises Unavailable where Consul is away."""
        known = self._overlay.current
        if known and (campaign.id in known.stopped_campaigns) == _is_told(campaign):
            return
        past = [each.id for each in await self._campaigns.all() if each.stopped_us and not _is_told(each)]
        told = _is_told(campaign)
        await self._overlay.change(lambda before: before.with_stop(campaign.id, stopped=told, past=past))


def _is_told(campaign: Campaign) -> bool:
    return bool(campaign.stopped_us) and wall_us() - campaign.stopped_us < TOLD_US
