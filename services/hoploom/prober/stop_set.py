"""Interfaces that so many paths have passed that further ones may end at them: the way from here is known. Pure.

One path shows one way to an interface; where a balancer stands before it there are others, taken by other flows. So a
path ends at an interface only after some others have gone on beyond it.

An interface is kept as a 64-bit fingerprint and a count in sorted arrays: 9 bytes, looked up a bunch at a time. Two
interfaces with one fingerprint would cost a path its first hops; with a million of them the odds are one in 10^7.

Sources: Donnet et al., "Efficient Algorithms for Large-Scale Topology Discovery" (SIGMETRICS 2005): the local stop set;
Veitch et al., "Failure Control in Multipath Route Tracing" (INFOCOM 2009): how many flows show that there is one way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.mixing import mix

Prints = NDArray[np.uint64]

MOST = 3_500_000
"""Interfaces kept, 32 MB: as many as vantage points report in a pass over the routed IPv4 space."""
NOWHERE = np.uint64(0)
"""The print of no address (sixteen zeros)."""
_LEAST_MERGED = 1_024
_MERGED_SHARE = 16
"""New prints are merged into the old ones when they are more than this share of them: inserting stays cheap."""
_MOST_PASSES = 255


class _Part:
    """Sorted prints, and how many paths passed each."""

    def __init__(self) -> None:
        self.prints, self.passes = np.zeros(0, np.uint64), np.zeros(0, np.uint8)

    def find(self, prints: Prints) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Where each print stands, if it does, and whether it does."""
        at = np.minimum(np.searchsorted(self.prints, prints), max(len(self.prints) - 1, 0))
        return at, self.prints[at] == prints if len(self.prints) else np.zeros(len(prints), np.bool_)

    def insert(self, prints: Prints, passes: NDArray[np.uint8]) -> None:
        """Put in sorted prints that are not there."""
        at = np.searchsorted(self.prints, prints)
        self.prints, self.passes = np.insert(self.prints, at, prints), np.insert(self.passes, at, passes)


class StopSet:
    """A set of interfaces, shared by successive traces from the same place."""

    def __init__(self, most: int = MOST) -> None:
        """Begin with no interface.

        Args:
            most: Interfaces kept; when there are more, all are forgotten and the next paths are probed whole.
        """
        self._most = most
        self._old, self._new = _Part(), _Part()

    def __len__(self) -> int:
        """Number of interfaces."""
        return len(self._old.prints) + len(self._new.prints)

    def passes(self, prints: Prints) -> NDArray[np.int64]:
        """How many paths passed each of these interfaces; 255 is as many or more.

        Args:
            prints: (k,) as `fingerprints` makes them.
        """
        found = np.zeros(len(prints), np.int64)
        for part in (self._old, self._new):
            at, is_there = part.find(prints)
            found[is_there] = part.passes[at[is_there]]
        return found

    def add(self, prints: Prints) -> None:
        """A path passed each of these interfaces, or several one that comes several times."""
        fresh, passes = np.unique(prints, return_counts=True)
        for part in (self._old, self._new):
            at, is_there = part.find(fresh)
            both = part.passes[at[is_there]] + passes[is_there]
            part.passes[at[is_there]] = np.minimum(both, _MOST_PASSES)
            fresh, passes = fresh[~is_there], passes[~is_there]
        if not len(fresh):
            return
        if len(self) + len(fresh) > self._most:
            self._old, self._new = _Part(), _Part()
        self._new.insert(fresh, np.minimum(passes, _MOST_PASSES).astype(np.uint8))
        if len(self._new.prints) > max(_LEAST_MERGED, len(self._old.prints) // _MERGED_SHARE):
            self._old.insert(self._new.prints, self._new.passes)
            self._new = _Part()


def fingerprints(addresses: NDArray[np.uint8]) -> Prints:
    """The fingerprint of each of (k, 16) bytes of addresses."""
    halves = np.ascontiguousarray(addresses).view("<u8")
    return mix(mix(halves[:, 0].copy()) ^ halves[:, 1])
