"""Good batches for the tests of every room that sends or takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hoploom.wire import addresses
from hoploom.wire.batch import ANSWERED, LOST, Batch, Columns


def columns(rows: int, *, start: int = 0, family: int = 4) -> Columns:
    """Rows of which every third is lost."""
    index = np.arange(rows)
    lost = index % 3 == 2
    rtt = np.where(lost, -1, 100 + index % 1000).astype(np.int32)
    absent = np.full(rows, -1, np.int16)
    raw = bytearray(rows * addresses.WIDTH)
    for row in range(rows):
        packed = (0x0A000000 + start + row).to_bytes(4, "big")
        raw[row * 16 : row * 16 + 12] = addresses.MAPPED_PREFIX if family == 4 else b"\xfd" + bytes(11)
        raw[row * 16 + 12 : row * 16 + 16] = packed
    return Columns(
        position=(start + index).astype(np.int64),
        address=np.frombuffer(bytes(raw), np.uint8).reshape(-1, 16),
        outcome=np.where(lost, LOST, ANSWERED).astype(np.uint8),
        sent=np.ones(rows, np.uint16),
        received=np.where(lost, 0, 1).astype(np.uint16),
        duplicates=np.zeros(rows, np.uint16),
        rtt_min_us=rtt,
        rtt_avg_us=rtt,
        rtt_max_us=rtt,
        reply_ttl=np.where(lost, -1, 64).astype(np.int16),
        icmp_type=absent,
        icmp_code=absent,
        icmp_from=np.zeros((rows, 16), np.uint8),
        at_us=(index * 250).astype(np.int64),
    )


def make(number: int = 0, rows: int = 6, **changes: Any) -> Batch:
    """A good batch; `number` gives it an id and positions of its own."""
    start = number * rows
    values: dict[str, Any] = {
        "batch": f"{number:08x}-0000-4000-8000-000000000000",
        "worker": "pi-7",
        "worker_number": 2_000_000_003,
        "campaign": "first-map",
        "campaign_number": 2_000_000_001,
        "measurement": 2_000_000_002,
        "revision": "ab" * 32,
        "round": 0,
        "group": "pi-7",
        "lease": f"first-map/pi-7/0/{start}",
        "family": 4,
        "start": start,
        "stop": start + rows,
        "boot_id": "5d3c0d2e-1111-4222-8333-944445555666",
        "started_at_us": 1_700_000_000_000_000,
        "started_monotonic_us": 5_000_000,
        "sent_monotonic_us": 6_500_000,
        "columns": columns(rows, start=start, family=changes.get("family", 4)),
    }
    return Batch(**(values | changes))
