"""A stored batch as columns, read back from the store's tables; and what adds such batches up. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

NONE: Final = -1
"""Stands for NULL in columns of integers."""


@dataclass(frozen=True, eq=False)
class Pings:
    """Rows of a batch of pings (n).

    Attributes:
        address: (n, 16) uint8, the targets, IPv4 mapped.
        outcome: (n,) int64, index into `tables.PING_OUTCOMES`, as all that follow.
        sent: Echo requests.
        received: Replies.
        rtt_us: Mean round-trip time in microseconds, -1 without a reply.
        rtt_min_us: The smallest.
        rtt_max_us: The largest.
        at_us: When, microseconds since 1970 in UTC by the worker's clock as its store corrected it.
    """

    address: NDArray[np.uint8]
    outcome: NDArray[np.int64]
    sent: NDArray[np.int64]
    received: NDArray[np.int64]
    rtt_us: NDArray[np.int64]
    rtt_min_us: NDArray[np.int64]
    rtt_max_us: NDArray[np.int64]
    at_us: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Traces:
    """Traceroutes of a batch (n) and their hops (h), which are ordered by traceroute, then by TTL.

    Attributes:
        address: (n, 16) uint8, the targets, IPv4 mapped.
        outcome: (n,) int64, index into `tables.TRACE_OUTCOMES`, as all that follow.
        sent: Packets.
        joined_ttl: TTL below which the path is in other paths of the worker's round; -1 where it is whole.
        distance: TTL that reached the target, -1 where unknown.
        at_us: When, microseconds since 1970 in UTC by the worker's clock as its store corrected it.
        hop_target: (h,) the row of a hop's traceroute.
        hop_ttl: (h,)
        hop_address: (h, 16) uint8, zeros for a silent hop.
        hop_rtt_us: (h,) -1 for a silent hop.
        hop_icmp_type: (h,) -1 for a silent hop.
        hop_at_us: (h,) as `at_us`.
    """

    address: NDArray[np.uint8]
    outcome: NDArray[np.int64]
    sent: NDArray[np.int64]
    joined_ttl: NDArray[np.int64]
    distance: NDArray[np.int64]
    at_us: NDArray[np.int64]
    hop_target: NDArray[np.int64]
    hop_ttl: NDArray[np.int64]
    hop_address: NDArray[np.uint8]
    hop_rtt_us: NDArray[np.int64]
    hop_icmp_type: NDArray[np.int64]
    hop_at_us: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StoredBatch:
    """A batch as the store has it; those of a worker whose uplink was dead (`suspect`) are never added.

    Attributes:
        seq: Its place in the store.
        campaign: Id of its campaign.
        campaign_number: The campaign's permanent number.
        measurement: Permanent number of the campaign's edition.
        worker: Name of the worker.
        family: 4 or 6.
        received_at_us: When it came, by this host's clock: nothing in it was probed later.
        rows: What it holds.
    """

    seq: int
    campaign: str
    campaign_number: int
    measurement: int
    worker: str
    family: int
    received_at_us: int
    rows: Pings | Traces


class Rollup(Protocol):
    """One kind of sums, kept in tables of its own in the file that all of them share.

    Attributes:
        name: For metrics: `hoploom_output_rollup_rows{table=...}`.
        tables: How its tables and indexes are made. Other tables than those in the file: it is made anew of the store.
    """

    name: str
    tables: Sequence[str]

    def add(self, connection: Any, batches: Sequence[StoredBatch]) -> None:
        """Add batches up, and let go of what is too much: the oldest first.

        It is called in a thread of low priority, in the transaction that moves the cursor too: each batch is added
        once, whatever ends the process.

        Args:
            connection: An `apsw.Connection` to the file of rollups, in a transaction.
            batches: In the order of `seq`, some 100,000 rows at a time.
        """

    def rows(self, connection: Any) -> int:
        """How many rows its tables have."""
