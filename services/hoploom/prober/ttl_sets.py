"""Sets of TTLs as the bits of one number: bit t - 1 stands for TTL t. Pure; many sets at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.traces import MAX_TTL

Sets = NDArray[np.uint64]
Ttls = NDArray[np.integer[Any]]

_UP_TO = np.array([(1 << ttl) - 1 for ttl in range(MAX_TTL + 1)], np.uint64)
_ONE = np.array([0] + [1 << ttl for ttl in range(MAX_TTL)], np.uint64)


def only(ttls: Ttls) -> Sets:
    """The set of each TTL alone; the empty one for TTL 0."""
    return _ONE[ttls]


def between(first: Ttls | int, last: Ttls | int) -> Sets:
    """The TTLs from `first`, which is at least 1, to `last`; none where `last` is below `first`."""
    return np.asarray(_UP_TO[last] & ~_UP_TO[np.asarray(first) - 1])


def highest(sets: Sets) -> NDArray[np.intp]:
    """The largest TTL of each set, 0 for an empty one."""
    return np.searchsorted(_UP_TO, sets)


def lowest(sets: Sets) -> NDArray[np.intp]:
    """The smallest TTL of each set, 0 for an empty one."""
    # The two's complement leaves the lowest bit alone set.
    return np.searchsorted(_UP_TO, sets & (~sets + np.uint64(1)))
