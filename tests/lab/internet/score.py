"""How good a map of an internet is, and what it cost: held against the truth and against the probes that were seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.internet.truth import Link, Truth


class Map(NamedTuple):
    """What a mapper says it found.

    Attributes:
        targets: (t, 16) uint8.
        hop_target: (h,) int32: index of the target of each hop.
        hop_ttl: (h,) uint8: ascending for a target.
        hop_address: (h, 16) uint8: who answered; zeros for nobody.
    """

    targets: NDArray[np.uint8]
    hop_target: NDArray[np.int32]
    hop_ttl: NDArray[np.uint8]
    hop_address: NDArray[np.uint8]


class Score(NamedTuple):
    """A map's worth.

    Attributes:
        probes: Probes seen, a target.
        interfaces: True interfaces found.
        share: Of the interfaces on the ways that its probes took and that ever answer, the part that it has.
        false_links: Links claimed between answers at neighbouring TTLs of one trace that are none.
        invented: Addresses found that are neither an interface's nor the target's.
    """

    probes: float
    interfaces: int
    share: float
    false_links: list[Link]
    invented: int


def score(truth: Truth, seen: NDArray[np.void], found: Map) -> Score:
    """Judge a map.

    Args:
        truth: What a perfect one would hold.
        seen: The probes that it cost, as `tun.Internet.seen`.
        found: The map.
    """
    own = found.targets[found.hop_target]
    of_others = np.any(found.hop_address, axis=1) & np.any(found.hop_address != own, axis=1)
    addresses = {row.tobytes() for row in np.unique(found.hop_address[of_others], axis=0)}
    flows = np.unique(seen[["target", "flow"]])
    passed = truth.interfaces(np.ascontiguousarray(flows["target"]), np.ascontiguousarray(flows["flow"]))
    true = addresses & truth.all_interfaces()
    return Score(
        probes=len(seen) / max(len(found.targets), 1),
        interfaces=len(true),
        share=len(true & passed) / max(len(passed), 1),
        false_links=truth.false_links(found.targets, found.hop_target, found.hop_ttl, found.hop_address),
        invented=len(addresses) - len(true),
    )
