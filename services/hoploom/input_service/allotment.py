"""What an instance asks the keeper of the budget for before it hands out a lease, and what the lease gets. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

from hoploom.input_service.leases import TTL_S
from hoploom.targets.notation import BITS
from hoploom.targets.target_set import Part, TargetSet
from hoploom.wire.campaign import MAX_EDITION
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.fields import CAMPAIGN_ID, MAX_INTEGER, NAME, NONCE, VERSION, Fields
from hoploom.wire.lease import MAX_ROUND, MAX_TTL_S

NETWORK_PREFIX = {4: 24, 6: 48}
"""Networks that a cap counts in, by family: the longest prefixes that the Internet routes by custom."""

MAX_CROWD = 10_000
"""With more a worker's share is below one packet a second in most campaigns anyway."""


class Pass(NamedTuple):
    """One group's pass over the targets: its leases that are out together share no target."""

    campaign: str
    edition: int
    group: str
    round: int


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What an instance asks for.

    Attributes:
        nonce: The lease's own; the same one gets the same allotment again.
        worker: Who will probe.
        campaign: Campaign id.
        edition: Its edition.
        group: Group of workers that shares the pass.
        round: The group's round.
        campaign_pps: Packets a second of the whole mesh for the campaign; 0 for no limit.
        wanted_pps: What the worker can send; 0 for all there is.
        network_pps: Packets a second of the whole mesh to one /24 or /48; 0 sets no cap.
        per_network: The most targets of the campaign in one /24 or /48; 0 where nobody knows.
        ttl_s: Seconds that the lease lives without a renewal.
        crowd: Workers of the mesh, by the catalog: in a campaign's first moments the rate is shared as if all came.
        places: Leases of the pass that its records have room for at once; workers above that wait.
    """

    nonce: str
    worker: str
    campaign: str
    edition: int
    group: str
    round: int
    campaign_pps: int
    wanted_pps: int
    network_pps: int
    per_network: int
    ttl_s: int = TTL_S
    crowd: int = 2
    places: int = MAX_CROWD

    @cached_property
    def one_pass(self) -> Pass:
        """The pass that the lease belongs to."""
        return Pass(self.campaign, self.edition, self.group, self.round)

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        return cls(**cls._read(Fields(document, "a claim to the budget")))

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"v": VERSION, **asdict(self)}

    @classmethod
    def _read(cls, known: Fields) -> dict[str, Any]:
        texts = {"nonce": NONCE, "worker": NAME, "campaign": CAMPAIGN_ID, "group": NAME}
        return {name: known.text(name, pattern) for name, pattern in texts.items()} | {
            name: known.integer(name, bounds) for name, bounds in _BOUNDS.items()
        }


@dataclass(frozen=True, kw_only=True)
class Allotment(Claim):
    """What a lease may use; a renewal tells all of it, so that a new keeper learns it.

    Attributes:
        rate_pps: Packets a second; 0 for no limit.
        lane_pps: Packets a second to any one network; 0 for no limit.
    """

    rate_pps: int
    lane_pps: int

    @classmethod
    def _read(cls, known: Fields) -> dict[str, Any]:
        rates = {name: known.integer(name, _RATES) for name in ("rate_pps", "lane_pps")}
        return super()._read(known) | rates


_RATES = range(MAX_RATE_PPS + 1)
_BOUNDS = {
    "edition": range(1, MAX_EDITION + 1),
    "round": range(MAX_ROUND),
    "campaign_pps": _RATES,
    "wanted_pps": _RATES,
    "network_pps": _RATES,
    "per_network": range(MAX_INTEGER),
    "ttl_s": range(1, MAX_TTL_S + 1),
    "crowd": range(MAX_CROWD + 1),
    "places": range(1, MAX_CROWD + 1),
}


def per_network(targets: TargetSet) -> int:
    """The most targets of a set that one /24 or /48 can have.

    Args:
        targets: The set; of a campaign with both families the larger figure counts.

    Returns:
        At least 1.
    """
    network_size = 1 << (BITS[targets.family] - NETWORK_PREFIX[targets.family])
    most = sum(_most(targets.family, part) for part in targets.parts)
    return min(most, network_size, targets.n, MAX_INTEGER - 1)


def _most(family: int, part: Part) -> int:
    """The most targets that a part has in one network."""
    bits, prefix = BITS[family], NETWORK_PREFIX[family]
    if part.rule.samples is None:
        return 1 << (bits - prefix)
    return part.rule.samples << max(0, part.rule.prefix - prefix)
