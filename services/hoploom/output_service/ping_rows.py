"""From a batch of pings to the rows of `ping_results`. Pure."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hoploom.output_service.cells import batch_key
from hoploom.output_service.packing import Addresses, Numbers, Packed, insertion
from hoploom.wire.batch import Batch, Columns
from hoploom.wire.columns import NONE

_US_A_MS = 1000


def results(batch: Batch, columns: Columns) -> Iterator[Packed]:
    """The rows of `ping_results`."""
    if len(columns):
        yield insertion(
            "ping_results",
            {
                "batch_key": batch_key(batch.batch),
                "address": Addresses(columns.address),
                "outcome": Numbers(columns.outcome),
                "sent": Numbers(columns.sent),
                "received": Numbers(columns.received),
                "duplicates": Numbers(columns.duplicates),
                "rtt_us": Numbers(columns.rtt_avg_us, NONE),
                "rtt_min_us": _unless_mean(columns.rtt_min_us, columns),
                "rtt_max_us": _unless_mean(columns.rtt_max_us, columns),
                "reply_ttl": Numbers(columns.reply_ttl, NONE),
                "icmp_type": Numbers(columns.icmp_type, NONE),
                "icmp_code": Numbers(columns.icmp_code, NONE),
                "icmp_from": Addresses(columns.icmp_from),
                "at_ms": Numbers(columns.at_us // _US_A_MS),
            },
        )


def _unless_mean(rtt_us: NDArray[np.int32], columns: Columns) -> Numbers:
    """These round-trip times, none where they are the mean."""
    return Numbers(np.where(rtt_us == columns.rtt_avg_us, NONE, rtt_us), NONE)
