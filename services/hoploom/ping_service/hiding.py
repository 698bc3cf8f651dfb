"""Keeps the first hops behind a worker to its owner: they show how its own network is built. Pure.

They are not probed at all (`chunk.trace_settings`). What is left is what a router among them says unasked, such as that
there is no way to a target: its distance stands in the packet that it quotes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hoploom.prober import politeness
from hoploom.prober.probes import PingColumns
from hoploom.prober.traces import TraceColumns
from hoploom.targets.special_purpose import Space

MOST = 16
"""More than any network has between its hosts and its provider."""


def of_pings(found: PingColumns, hops: int) -> PingColumns:
    """Results without who refused a ping, where it is a router of a private network and so perhaps a hidden one.

    Args:
        found: The results.
        hops: How many hops are hidden; 0 hides nothing.
    """
    if not hops:
        return found
    icmp_from = found.icmp_from.copy()
    icmp_from[politeness.in_space(icmp_from, Space.PRIVATE)] = 0
    return replace(found, icmp_from=icmp_from)


def of_traces(found: TraceColumns, targets: NDArray[np.uint8], hops: int) -> TraceColumns:
    """Results without the rows of hidden hops.

    Args:
        found: The results.
        targets: (n, 16) bytes: of the traces; what a target says itself is never hidden.
        hops: How many hops are hidden; 0 hides nothing.
    """
    if not hops:
        return found
    ttl = found.hop_ttl.astype(np.int64)
    # A packet arrives at the first hop with the TTL that it was sent with (RFC 1812, 5.3.1).
    distance = np.where(found.hop_quoted_ttl >= 0, ttl - found.hop_quoted_ttl + 1, ttl)
    is_own = (found.hop_address == targets[found.hop_target]).all(axis=1)
    kept = (np.minimum(ttl, distance) > hops) | is_own
    place = np.cumsum(kept) - 1
    labels = kept[found.mpls_hop]
    rows = {name: getattr(found, name)[kept] for name in vars(found) if name.startswith("hop_")}
    return replace(
        found, **rows, mpls_hop=place[found.mpls_hop[labels]].astype(np.int32), mpls_entry=found.mpls_entry[labels]
    )
