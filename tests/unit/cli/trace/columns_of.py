"""Columns of a trace, written down as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hoploom.prober.traces import TraceColumns
from hoploom.wire.addresses import column

Hop = tuple[int, str, int, int]
"""TTL, address (empty for silence), RTT in microseconds, ICMP type (0 or 11, 3 with code 1)."""


def columns_of(*paths: tuple[int, int, Sequence[Hop]], labels: Sequence[tuple[int, int]] = ()) -> TraceColumns:
    """Columns of paths, each an outcome, a TTL where it joins, and its hops; labels as (hop's row, entry)."""
    hops: list[Any] = [(row, *hop) for row, (_, _, each) in enumerate(paths) for hop in each]

    def of(values: list[Any], kind: type[np.generic]) -> Any:
        return np.array(values, kind)

    return TraceColumns(
        outcome=of([each[0] for each in paths], np.uint8),
        sent=of([len(each[2]) + 1 for each in paths], np.uint16),
        joined_ttl=of([each[1] for each in paths], np.uint8),
        distance=of([each[2][-1][0] if each[2] and each[0] == 0 else 0 for each in paths], np.uint8),
        at_us=of([1_000_000 * row for row in range(len(paths))], np.int64),
        hop_target=of([hop[0] for hop in hops], np.int32),
        hop_ttl=of([hop[1] for hop in hops], np.uint8),
        hop_address=column(hop[2] for hop in hops),
        hop_rtt_us=of([hop[3] if hop[2] else -1 for hop in hops], np.int32),
        hop_reply_ttl=of([64 - hop[1] if hop[2] else -1 for hop in hops], np.int16),
        hop_quoted_ttl=of([1 if hop[4] == 11 else -1 for hop in hops], np.int16),
        hop_icmp_type=of([hop[4] if hop[2] else -1 for hop in hops], np.int16),
        hop_icmp_code=of([int(hop[4] == 3) if hop[2] else -1 for hop in hops], np.int16),
        hop_at_us=of([1_000 * number for number in range(len(hops))], np.int64),
        mpls_hop=of([each[0] for each in labels], np.int32),
        mpls_entry=of([each[1] for each in labels], np.uint32),
        started_monotonic_us=5,
        started_at_us=1_700_000_000_000_000,
    )
