"""How round-trip times are counted where nobody can keep each of them: 64 buckets that grow by a third of an octave.

Counts add up, so histograms of workers, periods and instances merge into exact ones of all of them. What is read from
one lies within its bucket, so at most 26 % off; usually 3 %, because it is placed within the bucket by its rank. Pure.

Source: DDSketch (Masson, Rim, Lee 2019) for buckets of a constant ratio, whose relative error is bounded.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 64
"""The first ends at 16 us, which loopback takes; the last begins at 27 s, longer than any prober waits by default."""

EDGES_US: Final[NDArray[np.int64]] = np.round(16 * 2 ** (np.arange(BUCKETS - 1) / 3)).astype(np.int64)
"""(63,) where each bucket but the first begins, in microseconds; a time on an edge is in the bucket above."""

# A bucket without a count takes no room: most cells have a handful.
_PACKED: Final = np.dtype([("bucket", "u1"), ("count", "<u8")])
PAIR: Final = Struct("<BQ")
"""A bucket and its count, as `_PACKED` has them."""

PAIR_BYTES: Final = PAIR.size
_FLOORS_US: Final = np.concatenate([[1], EDGES_US]).astype(np.float64)
_CEILINGS_US: Final = np.concatenate([EDGES_US, [2 * EDGES_US[-1]]]).astype(np.float64)
Counts = NDArray[np.int64]


def buckets(rtt_us: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) the bucket of each of (n,) round-trip times in microseconds, 0 or more."""
    return np.searchsorted(EDGES_US, rtt_us, side="right")


def packed(counts: Counts) -> bytes:
    """(64,) counts as they are stored: 9 bytes a bucket that has any."""
    used = np.flatnonzero(counts)
    return packed_pairs(used, counts[used])


def packed_pairs(bucket: NDArray[np.int64], count: Counts) -> bytes:
    """(m,) ascending buckets and their counts, each above 0, as they are stored: `PAIR_BYTES` each."""
    found = np.empty(len(bucket), _PACKED)
    found["bucket"], found["count"] = bucket, count
    return found.tobytes()


def unpacked(blob: bytes) -> Counts:
    """(64,) counts of what `packed` made.

    Raises:
        ValueError: It is no such thing.
    """
    bucket, count = pairs(blob)
    if len(bucket) and int(bucket.max()) >= BUCKETS:
        raise ValueError(f"a histogram has {BUCKETS} buckets")
    counts = np.zeros(BUCKETS, np.int64)
    counts[bucket] = count
    return counts


def pairs(blob: bytes) -> tuple[NDArray[np.int64], Counts]:
    """(m,) buckets and their counts of one packed histogram, or of several behind each other."""
    found = np.frombuffer(blob, _PACKED)
    return found["bucket"].astype(np.int64), found["count"].astype(np.int64)


def percentiles_us(counts: Counts, share: float) -> NDArray[np.float64]:
    """The time that a share of all replies took at most.

    Args:
        counts: (n, 64) a histogram a row.
        share: 0.5 for the median, 0 < share <= 1.

    Returns:
        (n,) microseconds, placed within the bucket by rank as if its logarithms were spread evenly; NaN where a row
        has no count.
    """
    upto = counts.cumsum(axis=1)
    total = upto[:, -1]
    rank = np.maximum(total * share, 1e-9)
    at = np.minimum((upto < rank[:, None]).sum(axis=1), BUCKETS - 1)
    row = np.arange(len(counts))
    inside = counts[row, at]
    before = upto[row, at] - inside
    part = (rank - before) / np.maximum(inside, 1)
    found: NDArray[np.float64] = _FLOORS_US[at] * (_CEILINGS_US[at] / _FLOORS_US[at]) ** part
    found[total == 0] = np.nan
    return found
