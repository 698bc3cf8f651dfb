"""What a lease asks of the mesh's budget. Pure."""

from hoploom.input_service import leases
from hoploom.input_service.allotment import MAX_CROWD, Allotment, Claim
from hoploom.input_service.round_record import shards
from hoploom.input_service.shard_record import Held, ShardRef
from hoploom.input_service.work import Limits, Wanted, Work
from hoploom.wire.campaign import MAX_EDITION, Campaign


def claim(work: Work, wanted: Wanted, nonce: str, crowd: int) -> Claim:
    """What a lease that is about to be given takes.

    Args:
        work: The campaign, and what may be sent for it.
        wanted: The request.
        nonce: The lease's.
        crowd: How many workers the mesh has.
    """
    campaign, edition = _payer(work.campaign)
    return Claim(
        nonce=nonce,
        worker=wanted.request.worker,
        campaign=campaign,
        edition=edition,
        group=work.group(wanted.request),
        round=work.round,
        campaign_pps=work.limits.rate_pps,
        wanted_pps=wanted.request.rate_pps,
        network_pps=work.limits.network_pps,
        per_network=work.campaign.per_network,
        crowd=crowd,
        places=_places(len(work.shards)),
    )


def allotted(campaign: Campaign, limits: Limits, ref: ShardRef, held: Held) -> Allotment:
    """A lease's part of the budget as its record tells it."""
    payer, edition = _payer(campaign)
    return Allotment(
        nonce=held.nonce,
        worker=held.worker,
        campaign=payer,
        edition=edition,
        group=ref.group,
        round=ref.round,
        campaign_pps=limits.rate_pps,
        wanted_pps=held.rate_pps,
        network_pps=limits.network_pps,
        per_network=campaign.per_network,
        ttl_s=held.ttl_s,
        places=_places(len(shards(campaign))),
        rate_pps=held.rate_pps,
        lane_pps=held.lane_pps,
    )


def _payer(campaign: Campaign) -> tuple[str, int]:
    """Whose rate a campaign's leases count on, and the edition that tells their passes from all others of that one.

    Hops are probed at the rate of the campaign that found them, not at as many rates as there are chunks of them.
    """
    if campaign.parent:
        return campaign.parent, campaign.number % MAX_EDITION + 1
    return campaign.id, campaign.edition


def _places(shard_count: int) -> int:
    """Leases that so many records have room for at once."""
    return min(MAX_CROWD, shard_count * leases.MAX_HELD)
