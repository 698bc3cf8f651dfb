"""What a file of results says, as Python values: a batch, and the rows that share it. Pure.

`results.reading` makes them of files, `results.formats` write them in other forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

_US_PER_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class BatchHead:
    """What all rows of a batch share: the columns of `batches`, by their names there."""

    batch: str
    batch_key: int
    digest: bytes
    store: str
    seq: int
    campaign: str
    campaign_number: int
    measurement: int
    worker: str
    worker_number: int
    revision: str
    round: int
    worker_group: str
    lease: str
    family: int
    kind: str
    start: int
    stop: int
    result_rows: int
    hop_rows: int
    answered: int
    lost: int
    unreachable: int
    failed: int
    suspect: int
    boot_id: str
    started_at_us: int
    clock_offset_us: int
    received_at_us: int

    def moment_us(self, at_ms: int) -> int:
        """When a row's `at_ms` was: UTC microseconds since 1970, by the worker's clock as its store corrected it."""
        return self.started_at_us + self.clock_offset_us + at_ms * _US_PER_MS


class PingRow(NamedTuple):
    """A row of `ping_results`; smallest and largest RTT stand here too where they are the same as the mean."""

    address: str
    outcome: int
    sent: int
    received: int
    duplicates: int
    rtt_us: int | None
    rtt_min_us: int | None
    rtt_max_us: int | None
    reply_ttl: int | None
    icmp_type: int | None
    icmp_code: int | None
    icmp_from: str | None
    at_ms: int


class HopRow(NamedTuple):
    """A row of `traceroute_hops`; `hop` is None for a silent one."""

    ttl: int
    hop: str | None
    rtt_us: int | None
    reply_ttl: int | None
    quoted_ttl: int | None
    icmp_type: int | None
    icmp_code: int | None
    mpls: str | None
    at_ms: int


class TraceRow(NamedTuple):
    """A row of `traceroutes` with its hops, by TTL."""

    address: str
    outcome: int
    sent: int
    joined_ttl: int | None
    distance: int | None
    hops: tuple[HopRow, ...]
    at_ms: int


class Group(NamedTuple):
    """A batch with its rows.

    Attributes:
        batch: What they share; its `kind` says which of the two rows these are.
        rows: Read once, before the next group is asked for.
        protocol: What was sent, `icmp` or `udp`; empty for traceroutes none of whose targets' answers tells.
    """

    batch: BatchHead
    rows: Iterator[PingRow | TraceRow]
    protocol: str = "icmp"
