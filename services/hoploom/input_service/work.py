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
    """What a campaign may send over the whole mesh, by its own wish and by the overlay's.

    Attributes:
        rate_pps: Packets a second; 0 for no limit.
        network_pps: Packets a second to one /24 or /48; 0 sets no cap.
    """

    rate_pps: int = 0
    network_pps: int = 0

    @staticmethod
    def of(campaign: Campaign, orders: OverlayDocument) -> "Limits":
        """The smaller of both, where both say something."""
        return Limits(
            min((each for each in (campaign.rate_pps, orders.rate_pps) if each), default=0),
            min((each for each in (campaign.network_pps, orders.network_pps) if each), default=0),
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
    targets = campaign.sets.get(lease.family)
    if targets is None or lease.stop > targets.size:
        raise NotFound("there is no lease of that id")
    shard = shards.shard_at(targets.size, lease.start)
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
    start, stop = shards.shard_range(campaign.sets[family].size, number)
    return Located(campaign, work.slot(shard), ShardRecord.empty(ref, start, stop), work.limits)


def order_of(campaign: Campaign, ref: ShardRef) -> bytes:
    """The key of the order that positions of a shard count in.

    With a cooldown it hangs on no round (nor on the group, where it counts over all): only positions of one order can
    be compared, and so only then is it known which targets were handed out a moment ago.
    """
    revision = campaign.sets[ref.family].sha256
    if not campaign.cooldown_minutes:
        return order_key(campaign.id, revision, ref.round, ref.group)
    return order_key(campaign.id, revision, 0, ref.group if campaign.cooldown_scope == "group" else "")
