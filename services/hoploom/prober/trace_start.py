"""Where the probing of a path begins: what an answer tells of a distance, and what neighbours tell of it. Pure.

Sources: Huang, Rabinovich, Al-Dalky, "FlashRoute: Efficient Traceroute on a Massive Scale" (IMC 2020), section 3.3
(distances measured by a preprobe, and predicted for neighbouring blocks).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.wire.addresses import is_mapped

SPAN = 8
"""How many /24s (/48s) away a measured distance is still taken for one's own; FlashRoute's authors used 5."""
_INITIAL_TTLS = np.array([64, 128, 255])
"""What systems send with (Linux and macOS, Windows, routers). One up to 32 may stem from 32 or 64."""
_TELLING = 32
_IPV6 = np.uint64(1 << 62)
_TO_SLASH_24, _TO_SLASH_48 = np.uint64(8), np.uint64(16)


def by_quote(ttl: NDArray[np.intp], quoted_ttl: NDArray[np.int16]) -> NDArray[np.intp]:
    """Distance of who quotes a probe, by the TTL that it had left there.

    Args:
        ttl: (k,) what the probes left with.
        quoted_ttl: (k,) what they arrived with, -1 where nothing is quoted.

    Returns:
        (k,) hops, 0 where the quote says nothing sensible.
    """
    hops = ttl - quoted_ttl + 1
    return np.where((quoted_ttl > 0) & (hops > 0), hops, 0)


def by_reply(reply_ttl: NDArray[np.int16], max_ttl: int) -> NDArray[np.intp]:
    """Distance of who replies, if the way back is as long as the way there.

    Args:
        reply_ttl: (k,) TTL or hop limit of the replies, -1 where unknown.
        max_ttl: The largest distance believed.

    Returns:
        (k,) hops, 0 where the TTL says nothing.
    """
    initial = _INITIAL_TTLS[np.searchsorted(_INITIAL_TTLS[:-1], reply_ttl)]
    hops = initial - reply_ttl + 1
    return np.where((reply_ttl > _TELLING) & (hops <= max_ttl), hops, 0)


def predicted(targets: NDArray[np.uint8], measured: NDArray[np.uint8], default: int) -> NDArray[np.uint8]:
    """Where to begin with every target: as measured, else as with the nearest measured neighbour, else anywhere.

    Args:
        targets: (n, 16) bytes.
        measured: (n,) TTL to begin at, 0 where unknown.
        default: TTL to begin at where nothing is known.

    Returns:
        (n,) TTLs.
    """
    known = np.flatnonzero(measured)
    found = measured.copy()
    if not len(known):
        found[:] = default
        return found
    blocks = _blocks(targets)
    known = known[np.argsort(blocks[known], kind="stable")]
    there = blocks[known]
    asking = np.flatnonzero(measured == 0)
    after = np.searchsorted(there, blocks[asking])
    above, below = np.minimum(after, len(known) - 1), np.maximum(after - 1, 0)
    up, down = _apart(there[above], blocks[asking]), _apart(there[below], blocks[asking])
    nearest = np.where(up < down, above, below)
    found[asking] = np.where(np.minimum(up, down) <= SPAN, measured[known[nearest]], default)
    return found


def _blocks(targets: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The /24 or /48 of each target as a number; neighbours differ by one, and the families lie far apart."""
    halves = np.ascontiguousarray(targets).view(">u8").astype(np.uint64)
    return np.where(is_mapped(targets), halves[:, 1] >> _TO_SLASH_24, (halves[:, 0] >> _TO_SLASH_48) | _IPV6)


def _apart(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.maximum(one, other) - np.minimum(one, other)
