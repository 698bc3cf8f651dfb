"""What somebody wants mapped: blocks and wishes, as they come from any client. Pure.

The request names blocks and wishes; everything else (targets, rates, digests) is computed by the input service, which
trusts no number of a client.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from ipaddress import ip_address
from typing import Any

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.wire import slices
from hoploom.wire.fields import CAMPAIGN_ID, MAX_INTEGER, PRINTABLE, VERSION, Fields
from hoploom.wire.probe import Probe

MAX_BLOCKS = 200_000
"""Of a request; the body's limit in bytes is usually met first."""

MAX_RATE_PPS = 10_000_000
"""Ten times what one worker on fast hardware sends; a larger number is a slip of the finger."""

MAX_ROUNDS = 10**6
MAX_COOLDOWN_MINUTES = 7 * 24 * 60
"""A week; who wants a longer pause starts another campaign."""

MAX_ANCHORS = 8
MAX_RUNS = 10_000
"""Of `sources`; more than 256 different names become no networks anyway."""

SOURCE = re.compile(r"[^\x00-\x1f\x7f]+")
MAX_SOURCE = 100
SCOPE = re.compile("group|mesh")
REVISE = re.compile("|restart")


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
        rounds: Passes over the targets for each group; 0 goes on for ever.
        cooldown_minutes: No target is handed out again within this time.
        cooldown_scope: `group`: counted in each group alone; `mesh`: over all groups.
        network_pps: Packets a second of the whole mesh to one /24 or /48; 0 sets no cap.
        anchors: Up to eight addresses that answer where a worker's network works; they are probed around each lease.
        revise: `restart` makes a new edition where the id is known with other content; empty refuses that.
        slices: Parts of the targets by datacenter, such as one in dc1 and two in dc2; empty for all in the datacenter
            where the campaign is made.
        apart: Every worker maps all of it, also workers of one group.
        sources: Where the blocks came from, as run lengths: a name, and how many blocks in a row. Results are told by
            these names; they change nothing else, and are no part of what makes a request the same. May be empty.
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
    rounds: int = 1
    cooldown_minutes: int = 0
    cooldown_scope: str = "group"
    network_pps: int = 0
    anchors: tuple[str, ...] = ()
    revise: str = ""
    slices: Mapping[str, int] = field(default_factory=dict)
    apart: bool = False
    sources: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def from_json(document: object) -> CampaignRequest:
        """Read and check what does not need the blocks to be understood.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds, or unknown.
        """
        known = Fields(document, "a campaign request")
        known.only(("v", *(each.name for each in fields(CampaignRequest))))
        blocks = known.texts("blocks", longest=MAX_BLOCKS)
        return CampaignRequest(
            id=known.text("id", CAMPAIGN_ID),
            name=known.text("name", PRINTABLE, "", longest=200),
            blocks=blocks,
            excludes=known.texts("excludes", longest=MAX_BLOCKS, default=[]),
            per_prefix=known.text("per_prefix", PRINTABLE, "", longest=64),
            allow_private=known.flag("allow_private", default=False),
            contact=known.text("contact", PRINTABLE, "", longest=200),
            rate_pps=known.integer("rate_pps", range(MAX_RATE_PPS + 1)) if known.has("rate_pps") else None,
            probe=Probe.from_json(known.object("probe", {})),
            max_targets=known.integer("max_targets", range(MAX_INTEGER), 0),
            revise=known.text("revise", REVISE, ""),
            slices=slices.read(known.object("slices", {})),
            apart=known.flag("apart", default=False),
            sources=_sources(known, len(blocks)),
            **{**pace(known), "anchors": _addresses(known)},
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        lists: dict[str, Any] = {name: list(getattr(self, name)) for name in ("blocks", "excludes", "anchors")}
        lists["sources"] = [list(each) for each in self.sources]
        document = {"v": VERSION, **asdict(self), **lists, "probe": self.probe.to_json()}
        # Digests of requests from before there were these stay what they were.
        return without(document, [name for name in ("slices", "apart", "sources") if not document[name]])


def pace(known: Fields) -> dict[str, Any]:
    """The fields that say how often and how densely targets are probed; absent ones take their defaults."""
    return {
        "rounds": known.integer("rounds", range(MAX_ROUNDS + 1), 1),
        "cooldown_minutes": known.integer("cooldown_minutes", range(MAX_COOLDOWN_MINUTES + 1), 0),
        "cooldown_scope": known.text("cooldown_scope", SCOPE, "group"),
        "network_pps": known.integer("network_pps", range(MAX_RATE_PPS + 1), 0),
        "anchors": known.texts("anchors", longest=MAX_ANCHORS, default=[]),
    }


def without(document: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """A document without some of its fields."""
    return {name: each for name, each in document.items() if name not in names}


def _addresses(known: Fields) -> tuple[str, ...]:
    anchors = known.texts("anchors", longest=MAX_ANCHORS, default=[])
    try:
        for each in anchors:
            ip_address(each)
    except ValueError as error:
        raise Unprocessable(f"an anchor is one address, such as 192.0.2.1: {error}") from error
    return anchors


def _sources(known: Fields, blocks: int) -> tuple[tuple[str, int], ...]:
    found = known.objects("sources", [])
    if len(found) > MAX_RUNS:
        raise Unprocessable(f"sources of a campaign request has {len(found)} entries, over the limit of {MAX_RUNS}")
    for each in found:
        if not (isinstance(each, list) and [type(part) for part in each] == [str, int]):
            raise BadRequest("sources of a campaign request is a list of names with numbers of blocks")
        if len(each[0]) > MAX_SOURCE or not SOURCE.fullmatch(each[0]) or each[1] < 1:
            raise Unprocessable(f"a source has a name of 1 to {MAX_SOURCE} characters, and one block or more")
    if found and sum(count for _, count in found) != blocks:
        raise Unprocessable(f"the sources name {sum(count for _, count in found)} blocks, and there are {blocks}")
    return tuple((name, count) for name, count in found)
