"""What there is to do for a request, and where a lease is kept: values that travel between desk, serving and budget."""

from collections.abc import Sequence
from dataclasses import dataclass

from hoploom.input_service import leases, shards
from hoploom.input_service.round_record import Shard
from hoploom.input_service.shard_record import ShardRecord, ShardRef
from hoploom.kit.errors import NotFound
from hoploom.targets.keys import order_key
from hoploom.wire.campaign import Campaign
from hoploom.wire.lease import MAX_LEASE, LeaseId, LeaseRequest
from hoploom.wire.overlay import OverlayDocument


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A request for work with what was added to it on the way.

    Attributes:
        request: The request.
        campaign: Serve only this campaign; empty serves all.
        limit: The most positions wanted.
        ttl_s: Seconds that the lease lives without a renewal.
        audited: Whether the results have to be stored here before they count.
    """

    request: LeaseRequest
    campaign: str = ""
    limit: int = MAX_LEASE
    ttl_s: int = leases.TTL_S
    audited: bool = True


@dataclass(frozen=True)
class Limits:
    """What a campaign may send in this datacenter, by its own wish and by the overlay's.

    Attributes:
        rate_pps: Packets a second; 0 for no limit.
        network_pps: Packets a second to one /24 or /48; 0 sets no cap.
    """

    rate_pps: int = 0
    network_pps: int = 0

    @staticmethod
    def of(campaign: Campaign, orders: OverlayDocument) -> "Limits":
        """The smaller of both, where both say something; of a campaign in several datacenters this one's share."""
        return Limits(
            campaign.share(min((each for each in (campaign.rate_pps, orders.rate_pps) if each), default=0)),
            campaign.share(min((each for each in (campaign.network_pps, orders.network_pps) if each), default=0)),
        )

    def __bool__(self) -> bool:
        """Whether leases need a part of the mesh's budget."""
        return bool(self.rate_pps or self.network_pps)


@dataclass(frozen=True)
class Work:
    """What one campaign has to do for a group.

    Attributes:
        campaign: The campaign.
        round: The group's round.
        shards: Its shards that are not finished.
        limits: What may be sent for it.
    """

    campaign: Campaign
    round: int
    shards: Sequence[Shard]
    limits: Limits

    def group(self, request: LeaseRequest) -> str:
        """The group that a request is for."""
        return self.campaign.group_of(request.worker, request.group)

    def slot(self, shard: Shard) -> int:
        """The slot of one of its shards."""
        return shards.slot_of(self.campaign.id, *shard)


@dataclass(frozen=True)
class Located:
    """A lease's shard, and what may be sent for its campaign."""

    campaign: Campaign
    slot: int
    empty: ShardRecord
    limits: Limits


def located(campaign: Campaign, lease: LeaseId, group: str, limits: Limits) -> Located:
    """Where a lease's shard is kept; NotFound where the campaign has no such positions."""
    first, end = campaign.span(lease.family) if lease.family in campaign.sets else (0, 0)
    if not first <= lease.start < lease.stop <= end:
        raise NotFound("there is no lease of that id")
    shard = shards.shard_at(end - first, lease.start - first)
    return locate(Work(campaign, lease.round, (), limits), group, (lease.family, shard))


def locate(work: Work, group: str, shard: Shard) -> Located:
    """Where a shard of a group is kept."""
    campaign, (family, number) = work.campaign, shard
    ref = ShardRef(
        campaign=campaign.id,
        edition=campaign.edition,
        group=group,
        round=work.round,
        family=family,
        shard=number,
    )
    start, stop = range_of(campaign, shard)
    return Located(campaign, work.slot(shard), ShardRecord.empty(ref, start, stop), work.limits)


def range_of(campaign: Campaign, shard: Shard) -> tuple[int, int]:
    """First position of a shard of this datacenter's slice, and the position after its last."""
    first, end = campaign.span(shard[0])
    start, stop = shards.shard_range(end - first, shard[1])
    return first + start, first + stop


def order_of(campaign: Campaign, ref: ShardRef) -> bytes:
    """The key of the order that positions of a shard count in.

    With a cooldown it hangs on no round (nor on the group, where it counts over all): only positions of one order can
    be compared, and so only then is it known which targets were handed out a moment ago. With several slices it hangs
    on no group: a slice is the same targets for all, so that groups of different datacenters complete each other.
    """
    revision = campaign.sets[ref.family].sha256
    own = "" if len(campaign.slices) > 1 else ref.group
    if not campaign.cooldown_minutes:
        return order_key(campaign.id, revision, ref.round, own)
    return order_key(campaign.id, revision, 0, own if campaign.cooldown_scope == "group" else "")
