"""What a campaign is once its numbers are computed from a `wire.campaign_request`. Pure.

An edition of a campaign never changes afterwards, but that it may be stopped, for good: other blocks or wishes under
the same id make another edition, and only where somebody asks for that. Pause, opt-outs and caps are `wire.overlay`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hoploom.wire import slices
from hoploom.wire.campaign_request import MAX_RATE_PPS, pace, without
from hoploom.wire.fields import CAMPAIGN_ID, MAX_INTEGER, PRINTABLE, SHA256, VERSION, Fields
from hoploom.wire.probe import Probe

FIRST_NUMBER = 2_000_000_000
"""Permanent integer ids start here, above the ids that RIPE Atlas gives out."""

FAMILIES = (4, 6)
NUMBERS = range(FIRST_NUMBER, MAX_INTEGER)
MAX_EDITION = 10**6 - 1
MAX_PERSON = 200
"""Of a person's name, in characters."""

# A campaign without these looks as it did before there were any.
_UNTOLD = ("parent", "home_dc", "slices", "apart", "stopped_us", "stopped_by", "networks")
_SHA256_OR_NONE = re.compile(f"|{SHA256.pattern}")


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
    """One immutable edition of a campaign.

    Attributes:
        id: Text chosen by the client.
        number: Permanent integer id of the campaign.
        measurement: Permanent integer id of its measurement: each edition, and so each kind of probe, has its own.
        name: For people.
        sets: The set of each family that has targets, by family (4, 6).
        rate_pps: Packets a second a worker may send; 0 for no limit.
        allow_private: The campaign's key to loopback and private space.
        contact: Who answers for the probes.
        probe: How each target is probed.
        content_sha256: Digest of the request, by which a repeated one is recognised.
        created_at_us: Microseconds since 1970 in UTC, by the clock of the instance that created it.
        edition: 1 for the first content under this id, and one more for each later one.
        rounds: See `CampaignRequest`, as the next four.
        cooldown_minutes: See there.
        cooldown_scope: See there.
        network_pps: See there.
        anchors: See there.
        parent: Id of the campaign whose hops these targets are; empty for a campaign that somebody made.
        per_network: The most targets that one /24 or /48 has; 0 where nobody has counted.
        excludes: SHA-256 of the document of the blocks that were left out, which hold for hops too; empty where none.
        home_dc: The datacenter where it was made, and where alone it is changed; empty for one of a mesh before there
            were several, whose targets are all handed out wherever it stands.
        slices: See `CampaignRequest`; of hops' targets they say how the budget is shared, and nothing else.
        apart: See `CampaignRequest`.
        networks: SHA-256 of the document of the networks by whose names results are told; empty where there is none.
        stopped_us: When somebody stopped it for good, microseconds since 1970; 0 while it goes on.
        stopped_by: Who stopped it.
        here: The datacenter that looks at it, whose slice counts; empty for all of them. It does not travel.
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
    edition: int = 1
    rounds: int = 1
    cooldown_minutes: int = 0
    cooldown_scope: str = "group"
    network_pps: int = 0
    anchors: tuple[str, ...] = ()
    parent: str = ""
    per_network: int = 0
    excludes: str = ""
    home_dc: str = ""
    slices: Mapping[str, int] = field(default_factory=dict)
    apart: bool = False
    networks: str = ""
    stopped_us: int = 0
    stopped_by: str = ""
    here: str = ""

    @property
    def targets(self) -> int:
        """Number of targets of both families."""
        return sum(each.size for each in self.sets.values())

    @property
    def targets_here(self) -> int:
        """Number of targets of both families that are handed out here."""
        return sum(stop - start for start, stop in map(self.span, self.sets))

    @property
    def proportions(self) -> Mapping[str, int]:
        """Parts by datacenter; none where all is handed out wherever it stands."""
        return self.slices or ({self.home_dc: 1} if self.home_dc else {})

    @property
    def datacenters(self) -> tuple[str, ...]:
        """Where targets of it are handed out, by name; none where that is wherever it stands."""
        return () if self.parent else tuple(sorted(self.proportions))

    def group_of(self, worker: str, group: str) -> str:
        """The group that a worker maps it with, whatever group it is in."""
        return worker if self.apart else group

    def span(self, family: int) -> tuple[int, int]:
        """The positions of a family that are handed out here: the first, and the one after the last."""
        size = self.sets[family].size
        return (0, size) if self._is_whole or self.parent else slices.cut(self.proportions, self.here, size)

    def share(self, total: int) -> int:
        """The part of a budget that is spent here; at least 1 where there is any, because 0 sets no limit."""
        if not total or self._is_whole:
            return total
        return max(1, slices.share(self.proportions, self.here, total))

    @property
    def _is_whole(self) -> bool:
        """Whether nothing of it is another datacenter's. Asked for every shard of every request."""
        return not self.here or (not self.slices and self.home_dc in ("", self.here))

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
            edition=known.integer("edition", range(1, MAX_EDITION + 1), 1),
            parent=known.text("parent", CAMPAIGN_ID) if known.has("parent") else "",
            per_network=known.integer("per_network", range(MAX_INTEGER), 0),
            excludes=known.text("excludes", _SHA256_OR_NONE, ""),
            home_dc=known.text("home_dc", slices.DATACENTER) if known.has("home_dc") else "",
            slices=slices.read(known.object("slices", {})),
            apart=known.flag("apart", default=False),
            networks=known.text("networks", _SHA256_OR_NONE, ""),
            stopped_us=known.integer("stopped_us", range(MAX_INTEGER), 0),
            stopped_by=known.text("stopped_by", PRINTABLE, "", longest=MAX_PERSON),
            **pace(known),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels and as it is stored."""
        sets = {str(family): asdict(each) for family, each in sorted(self.sets.items())}
        document = {"v": VERSION, **asdict(self), "sets": sets, "targets": self.targets, "anchors": list(self.anchors)}
        document["probe"] = self.probe.to_json()
        untold = [name for name in _UNTOLD if not document[name]]
        return without(document, ("here", *untold))


def _sets(document: dict[str, Any]) -> dict[int, FamilySet]:
    found = {}
    for family in FAMILIES:
        if str(family) in document:
            known = Fields(document[str(family)], "a set of a campaign", versioned=False)
            size = known.integer("size", range(1, MAX_INTEGER))
            found[family] = FamilySet(sha256=known.text("sha256", SHA256), size=size)
    return found
