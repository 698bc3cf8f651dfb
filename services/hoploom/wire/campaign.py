"""What is asked for as a campaign, and what a campaign is once its numbers are computed. Pure.

The request names blocks and wishes; everything else (targets, rates, digests) is computed by the input service, which
trusts no number of a client. A campaign never changes afterwards: changed blocks make another campaign or revision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from hoploom.wire.fields import CAMPAIGN_ID, MAX_INTEGER, PRINTABLE, SHA256, VERSION, Fields

FIRST_NUMBER = 2_000_000_000
"""Permanent integer ids start here, above the ids that RIPE Atlas gives out."""

FAMILIES = (4, 6)
MAX_BLOCKS = 200_000
"""Of a request; the body's limit in bytes is usually met first."""

MAX_RATE_PPS = 10_000_000
"""Ten times what one worker on fast hardware sends; a larger number is a slip of the finger."""

UNLIMITED = 0
"""As a rate: as fast as the worker can. Only for loopback."""

NUMBERS = range(FIRST_NUMBER, MAX_INTEGER)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How one target is probed.

    Attributes:
        count: Echo requests a target.
        interval_ms: Time between two requests to one target.
        timeout_ms: Time after which a request counts as lost.
        size_bytes: Payload behind the ICMP header.
    """

    count: int = 1
    interval_ms: int = 1000
    timeout_ms: int = 1000
    size_bytes: int = 56

    @staticmethod
    def from_json(document: object) -> Probe:
        """Read and check; absent fields take their defaults."""
        known = Fields(document, "probe", versioned=False)
        known.only(_PROBE_BOUNDS)
        found = {name: known.integer(name, allowed, getattr(Probe, name)) for name, allowed in _PROBE_BOUNDS.items()}
        return Probe(**found)

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return asdict(self)


# 16 requests tell a loss rate of 6 %; 10 ms keeps below what hosts limit; 1,472 bytes fill an Ethernet frame, and 16
# are needed for the cookie that replies are matched by.
_PROBE_BOUNDS = {
    "count": range(1, 17),
    "interval_ms": range(10, 60_001),
    "timeout_ms": range(10, 60_001),
    "size_bytes": range(16, 1473),
}


@dataclass(frozen=True, kw_only=True)
class CampaignRequest:
    """What somebody wants mapped.

    Attributes:
        id: Chosen by the client, so that a repeated request makes no second campaign.
        name: For people; empty means the id.
        blocks: CIDR blocks and addresses, as text.
        excludes: Blocks to leave out.
        per_prefix: Sampling rules such as `24:1,48:1`; empty for the defaults of each kind of space.
        allow_private: The campaign's key to loopback and private space.
        contact: Who answers for the probes (RFC 9511); public targets need it.
        rate_pps: Packets a second; None for the default of the targets' space, 0 for no limit.
        probe: How each target is probed.
        max_targets: The most targets wanted; 0 for the input service's own cap, which holds in any case.
    """

    id: str
    name: str = ""
    blocks: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    per_prefix: str = ""
    allow_private: bool = False
    contact: str = ""
    rate_pps: int | None = None
    probe: Probe = field(default_factory=Probe)
    max_targets: int = 0

    @staticmethod
    def from_json(document: object) -> CampaignRequest:
        """Read and check what does not need the blocks to be understood.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds, or unknown.
        """
        known = Fields(document, "a campaign request")
        known.only(("v", *(each.name for each in fields(CampaignRequest))))
        return CampaignRequest(
            id=known.text("id", CAMPAIGN_ID),
            name=known.text("name", PRINTABLE, "", longest=200),
            blocks=known.texts("blocks", longest=MAX_BLOCKS),
            excludes=known.texts("excludes", longest=MAX_BLOCKS, default=[]),
            per_prefix=known.text("per_prefix", PRINTABLE, "", longest=64),
            allow_private=known.flag("allow_private", default=False),
            contact=known.text("contact", PRINTABLE, "", longest=200),
            rate_pps=known.integer("rate_pps", range(MAX_RATE_PPS + 1)) if known.has("rate_pps") else None,
            probe=Probe.from_json(known.object("probe", {})),
            max_targets=known.integer("max_targets", range(MAX_INTEGER), 0),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"v": VERSION, **asdict(self), "blocks": list(self.blocks), "excludes": list(self.excludes)}


@dataclass(frozen=True, kw_only=True)
class FamilySet:
    """The targets of one family.

    Attributes:
        sha256: Digest of the canonical set document; the revision that rows carry.
        size: Number of targets N; positions are 0 <= position < N.
    """

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One immutable revision of a campaign.

    Attributes:
        id: Text chosen by the client.
        number: Permanent integer id of the campaign.
        measurement: Permanent integer id of its ping measurement.
        name: For people.
        sets: The set of each family that has targets, by family (4, 6).
        rate_pps: Packets a second a worker may send; 0 for no limit.
        allow_private: The campaign's key to loopback and private space.
        contact: Who answers for the probes.
        probe: How each target is probed.
        content_sha256: Digest of the request, by which a repeated one is recognised.
        created_at_us: Microseconds since 1970 in UTC, by the clock of the instance that created it.
    """

    id: str
    number: int
    measurement: int
    name: str
    sets: Mapping[int, FamilySet]
    rate_pps: int
    allow_private: bool
    contact: str
    probe: Probe
    content_sha256: str
    created_at_us: int

    @property
    def targets(self) -> int:
        """Number of targets of both families."""
        return sum(each.size for each in self.sets.values())

    @staticmethod
    def from_json(document: object) -> Campaign:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        known = Fields(document, "a campaign")
        return Campaign(
            id=known.text("id", CAMPAIGN_ID),
            number=known.integer("number", NUMBERS),
            measurement=known.integer("measurement", NUMBERS),
            name=known.text("name", PRINTABLE, longest=200),
            sets=_sets(known.object("sets")),
            rate_pps=known.integer("rate_pps", range(MAX_RATE_PPS + 1)),
            allow_private=known.flag("allow_private"),
            contact=known.text("contact", PRINTABLE, longest=200),
            probe=Probe.from_json(known.object("probe")),
            content_sha256=known.text("content_sha256", SHA256),
            created_at_us=known.integer("created_at_us", range(MAX_INTEGER)),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels and as it is stored."""
        sets = {str(family): asdict(each) for family, each in sorted(self.sets.items())}
        return {"v": VERSION, **asdict(self), "sets": sets, "targets": self.targets}


def _sets(document: dict[str, Any]) -> dict[int, FamilySet]:
    found = {}
    for family in FAMILIES:
        if str(family) in document:
            known = Fields(document[str(family)], "a set of a campaign", versioned=False)
            size = known.integer("size", range(1, MAX_INTEGER))
            found[family] = FamilySet(sha256=known.text("sha256", SHA256), size=size)
    return found
