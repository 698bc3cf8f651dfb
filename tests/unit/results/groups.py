"""Batches with their rows, as a file of results gives them to writers."""

from __future__ import annotations

from typing import Any

from hoploom.results.rows import BatchHead, Group, PingRow, TraceRow

HEAD = BatchHead(
    batch="00000001-0000-4000-8000-000000000000", batch_key=8192, digest=bytes(32),
    store="11111111-2222-4333-8444-555555555555", seq=1,
    campaign="first-map", campaign_number=2_000_000_001, measurement=2_000_000_002,
    worker="pi-7", worker_number=2_000_000_003, revision="ab" * 32, round=0, worker_group="pi-7",
    lease="first-map/pi-7/0/0", family=4, kind="ping", start=0, stop=1, result_rows=1, hop_rows=0,
    answered=1, lost=0, unreachable=0, failed=0, suspect=0, boot_id="5d3c0d2e-1111-4222-8333-944445555666",
    started_at_us=1_700_000_000_000_000, clock_offset_us=0, received_at_us=1_700_000_060_000_000,
)  # fmt: skip


def head(**changes: Any) -> BatchHead:
    """The head of a batch."""
    return BatchHead(**({name: getattr(HEAD, name) for name in HEAD.__slots__} | changes))


def group(*rows: PingRow | TraceRow, protocol: str = "icmp", **changes: Any) -> Group:
    """A batch of these rows, of their kind."""
    kind = "trace" if rows and isinstance(rows[0], TraceRow) else "ping"
    return Group(head(**({"kind": kind} | changes)), iter(rows), protocol)
