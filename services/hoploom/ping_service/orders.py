"""What the overlay (pause, opt-outs, caps, revocations) means for this worker: a pure machine; time is passed in.

What the worker's owner has set beside it holds whatever the overlay says, so it is kept in the same place.

Input instances hear of a change one after another, and one that is cut off from Consul may be behind for long. So the
newest version that anybody told counts, and an older one only when nobody has confirmed the newer for a while: then the
mesh was set back to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from hoploom.prober.politeness import Blocks, blocks, smallest
from hoploom.targets.ranges import Range, merge
from hoploom.wire.overlay import OverlayDocument

FRESH_S = 60.0
"""Three long polls. Without word for longer no lease is asked for, because only the worker can heed opt-outs."""

UNKNOWN = -1
"""Stands for the version of who has heard nothing yet."""

TOLD_S = 30.0
"""So long after it was last confirmed, what a manager pushes is enough: it confirms every 15 s while it knows it."""

PAUSED, REVOKED = "paused", "revoked"


@dataclass(frozen=True)
class Owner:
    """What the owner of this worker has set; nobody can change it from afar.

    Attributes:
        exclusions: Addresses never to be probed: a merged list for each family, 4 and 6.
        rate_pps: Packets a second at most; 0 for no limit.
        network_pps: Packets a second to one /24 or /48 at most; 0 for no limit.
        hidden_hops: So many of the first hops of traceroutes are nobody's business.
    """

    exclusions: Mapping[int, Sequence[Range]] = field(default_factory=dict)
    rate_pps: int = 0
    network_pps: int = 0
    hidden_hops: int = 0


@dataclass(frozen=True)
class Orders:
    """The overlay as this worker knows it, and its owner's limits.

    Attributes:
        document: The newest version heard; None before the first.
        heard_s: When somebody last told or confirmed it, by our own clock.
        owner: The owner's limits.
        told: The version that a manager pushes; `UNKNOWN` while none does.
        set_pps: Packets a second at most, as operators have set it for this worker; 0 for no limit.
    """

    document: OverlayDocument | None = None
    heard_s: float = float("-inf")
    owner: Owner = Owner()
    told: int = UNKNOWN
    set_pps: int = 0

    @property
    def version(self) -> int:
        """The version known."""
        return self.document.version if self.document else UNKNOWN

    @cached_property
    def opt_outs(self) -> Blocks:
        """What to stay away from: whoever opted out of the mesh, and what the owner excludes."""
        document, own = self.document or OverlayDocument(), self.owner.exclusions
        return blocks({family: merge([*document.away_from(family), *own.get(family, ())]) for family in (4, 6)})

    @property
    def rate_pps(self) -> int:
        """The mesh's cap for a campaign, or the owner's or an operator's for everything: the smallest; 0 for none."""
        return smallest(self.document.rate_pps if self.document else 0, self.owner.rate_pps, self.set_pps)

    @property
    def network_pps(self) -> int:
        """The mesh's cap for a /24 or /48 or the owner's, whichever is smaller; 0 for none."""
        return smallest(self.document.network_pps if self.document else 0, self.owner.network_pps)

    def stops(self, worker: str, campaign: str = "") -> str:
        """Why a worker may not probe, in a word; empty where it may.

        Args:
            worker: The worker's name.
            campaign: The campaign's id; empty asks about anything at all.
        """
        if self.document is None:
            return ""
        if self.document.is_revoked(worker):
            return REVOKED
        return PAUSED if self.document.is_paused(campaign) else ""


def is_fresh(orders: Orders, now_s: float) -> bool:
    """Whether the overlay is known, and was told or confirmed a moment ago."""
    return orders.document is not None and now_s - orders.heard_s <= FRESH_S


def heard(orders: Orders, document: OverlayDocument | None, now_s: float) -> Orders:
    """Somebody answered.

    Args:
        orders: What is known.
        document: The version told; None says that the known one is the newest.
        now_s: Our own clock.

    Returns:
        What is known then.
    """
    if document is None or document.version == orders.version:
        return changed(orders, heard_s=now_s)
    if document.version > orders.version or not is_fresh(orders, now_s):
        return replace(orders, document=document, heard_s=now_s)
    return orders


def pushed(orders: Orders, version: int, now_s: float) -> Orders:
    """A manager pushed the version that it knows; where it is the known one, that is confirmed."""
    return changed(orders, told=version, heard_s=now_s if version == orders.version else orders.heard_s)


def is_told(orders: Orders, now_s: float) -> bool:
    """Whether nobody has to be asked, because a manager pushes that what is known is the newest."""
    return orders.document is not None and orders.told == orders.version and now_s - orders.heard_s <= TOLD_S


def changed(orders: Orders, **changes: Any) -> Orders:
    """The same document; to work out again what to stay away from would stop the sending for a third of a second."""
    after = replace(orders, **changes)
    vars(after).update({name: value for name, value in vars(orders).items() if name == "opt_outs"})
    return after
