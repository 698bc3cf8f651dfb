"""Interfaces whose way from here is known already: where backward probing of further paths may end. Pure.

An interface is kept as a 64-bit fingerprint in sorted arrays: 8 bytes each, looked up a bunch at a time. Two
interfaces with one fingerprint would cost a path its first hops; with a million of them the odds are one in 10^7.

Source: Donnet et al., "Efficient Algorithms for Large-Scale Topology Discovery" (SIGMETRICS 2005): the local stop set.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.mixing import mix

Prints = NDArray[np.uint64]

MOST = 1 << 22
"""Interfaces kept, 32 MB: more than one vantage point has ever reported in a pass over the routed IPv4 space."""
NOWHERE = np.uint64(0)
"""The print of no address (sixteen zeros)."""
_LEAST_MERGED = 1_024
_MERGED_SHARE = 16
"""New prints are merged into the old ones when they are more than this share of them: inserting stays cheap."""


class StopSet:
    """A set of interfaces, shared by successive traces from the same place."""

    def __init__(self, most: int = MOST) -> None:
        """Begin with no interface.

        Args:
            most: Interfaces kept; when there are more, all are forgotten and the next paths are probed whole.
        """
        self._most = most
        self._old = np.zeros(0, np.uint64)
        self._new = np.zeros(0, np.uint64)

    def __len__(self) -> int:
        """Number of interfaces."""
        return len(self._old) + len(self._new)

    def knows(self, prints: Prints) -> NDArray[np.bool_]:
        """Which of these interfaces are in the set.

        Args:
            prints: (k,) as `fingerprints` makes them.
        """
        return _are_in(self._old, prints) | _are_in(self._new, prints)

    def add(self, prints: Prints) -> None:
        """Put interfaces into the set; those that are in it already change nothing."""
        fresh = np.unique(prints[~self.knows(prints)])
        if not len(fresh):
            return
        if len(self) + len(fresh) > self._most:
            self._old, self._new = self._old[:0], self._new[:0]
        self._new = np.insert(self._new, np.searchsorted(self._new, fresh), fresh)
        if len(self._new) > max(_LEAST_MERGED, len(self._old) // _MERGED_SHARE):
            self._old = np.insert(self._old, np.searchsorted(self._old, self._new), self._new)
            self._new = self._new[:0]


def fingerprints(addresses: NDArray[np.uint8]) -> Prints:
    """The fingerprint of each of (k, 16) bytes of addresses."""
    halves = np.ascontiguousarray(addresses).view("<u8")
    return mix(mix(halves[:, 0].copy()) ^ halves[:, 1])


def _are_in(kept: Prints, prints: Prints) -> NDArray[np.bool_]:
    if not len(kept):
        return np.zeros(len(prints), np.bool_)
    found: NDArray[np.bool_] = kept[np.minimum(np.searchsorted(kept, prints), len(kept) - 1)] == prints
    return found
