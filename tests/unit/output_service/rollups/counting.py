"""Cells counted one row at a time, by code that shares nothing with the service but the edges of the buckets."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import apsw

from hoploom.output_service.files import Files
from hoploom.wire.rtt_histogram import EDGES_US

Key = tuple[int, int, int, str, str]
"""Campaign, length, start, worker, network."""
_PINGS = """
SELECT b.campaign_number, b.worker, r.address, b.started_at_us + b.clock_offset_us + 1000 * r.at_ms,
  b.received_at_us, r.outcome = 0, r.sent, r.received, r.rtt_us, coalesce(r.rtt_min_us, r.rtt_us),
  coalesce(r.rtt_max_us, r.rtt_us)
FROM ping_results r JOIN batches b USING (batch_key) WHERE NOT b.suspect
"""
_TRACES = """
SELECT b.campaign_number, b.worker, t.address, b.started_at_us + b.clock_offset_us + 1000 * t.at_ms,
  b.received_at_us, t.outcome = 0, t.sent > 0, t.outcome = 0 AND t.sent > 0, h.rtt_us, h.rtt_us, h.rtt_us
FROM traceroutes t JOIN batches b USING (batch_key) LEFT JOIN traceroute_hops h
  ON h.batch_key = t.batch_key AND h.address = t.address AND h.hop = t.address AND t.outcome = 0
WHERE NOT b.suspect
"""
CELLS = """
SELECT campaign, length_s, start_s, worker, network, targets, answered, sent, received, sum_us, min_us, max_us,
  histogram FROM cells
"""


@dataclass
class Sum:
    """What a cell should be."""

    targets: int = 0
    answered: int = 0
    sent: int = 0
    received: int = 0
    rtts: list[int] = field(default_factory=list)
    least: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)

    def row(self) -> tuple[Any, ...]:
        buckets: dict[int, int] = {}
        for rtt in self.rtts:
            at = bisect.bisect_right(EDGES_US.tolist(), rtt)
            buckets[at] = buckets.get(at, 0) + 1
        blob = b"".join(bytes([at]) + count.to_bytes(8, "little") for at, count in sorted(buckets.items()))
        ends = (min(self.least, default=-1), max(self.most, default=-1))
        return (self.targets, self.answered, self.sent, self.received, sum(self.rtts), *ends, blob)


def network(address: str) -> str:
    """What an address is called that is in no document."""
    return f"{address.split('.', maxsplit=1)[0]}.0.0.0/8" if "." in address else f"{address[:2]}00::/8"


def counted(rows: Iterable[tuple[Any, ...]]) -> dict[Key, tuple[Any, ...]]:
    """Cells of rows as `_PINGS` has them."""
    found: dict[Key, Sum] = {}
    for campaign, worker, address, at_us, received_at_us, answered, sent, received, *rtts in rows:
        for length_s in (300, 3600):
            start_s = min(at_us, received_at_us) // 1_000_000 // length_s * length_s
            each = found.setdefault((campaign, length_s, start_s, worker, network(address)), Sum())
            each.targets += 1
            each.answered += answered
            each.sent += sent
            each.received += received
            if rtts[0] is not None:
                for values, value in zip((each.rtts, each.least, each.most), rtts, strict=True):
                    values.append(value)
    return {key: each.row() for key, each in found.items()}


def in_store(files: Files) -> dict[Key, tuple[Any, ...]]:
    """Cells of all rows of all files of a store."""
    rows: list[tuple[Any, ...]] = []
    for number in files.numbers():
        with files.opened(number) as connection:
            rows += [*connection.execute(_PINGS), *connection.execute(_TRACES)]
    return counted(rows)


def in_sums(connection: apsw.Connection) -> dict[Key, tuple[Any, ...]]:
    """The cells that there are."""
    return {row[:5]: row[5:] for row in connection.execute(CELLS)}
