"""From a batch to the rows that are stored, and the tables that they go to. Pure."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hoploom.output_service import ping_rows, trace_rows
from hoploom.output_service.cells import batch_key
from hoploom.wire import batch_codec, traces
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE, Batch
from hoploom.wire.traces import Traces

BATCH_COLUMNS = (
    "batch, batch_key, digest, seq, campaign, campaign_number, measurement, worker, worker_number, revision, round, "
    "worker_group, lease, family, kind, start, stop, result_rows, answered, lost, unreachable, failed, boot_id, "
    "started_at_us, clock_offset_us, received_at_us, suspect, hop_rows"
)
_AS_PING = {
    traces.REACHED: ANSWERED,
    traces.GAP: LOST,
    traces.UNREACHABLE: UNREACHABLE,
    traces.LOOP: LOST,
    traces.FAILED: FAILED,
}
"""What counts as what among pings: a path that ends in silence or in a loop has lost its target."""


def batch_row(batch: Batch, seq: int, received_at_us: int) -> tuple[Any, ...]:
    """The row of `batches`, in the order of `BATCH_COLUMNS`."""
    elapsed_us = batch.sent_monotonic_us - batch.started_monotonic_us
    return (
        batch.batch,
        batch_key(batch.batch),
        batch_codec.digest(batch),
        seq,
        batch.campaign,
        batch.campaign_number,
        batch.measurement,
        batch.worker,
        batch.worker_number,
        batch.revision,
        batch.round,
        batch.group,
        batch.lease,
        batch.family,
        batch.kind,
        batch.start,
        batch.stop,
        len(batch.columns),
        *_counts(batch),
        batch.boot_id,
        batch.started_at_us,
        received_at_us - elapsed_us - batch.started_at_us,
        received_at_us,
        int(batch.suspect),
        hop_count(batch),
    )


def hop_count(batch: Batch) -> int:
    """How many rows a batch has in `traceroute_hops`."""
    return len(batch.columns.hop_ttl) if isinstance(batch.columns, Traces) else 0


def result_rows(batch: Batch) -> dict[str, Iterator[tuple[Any, ...]]]:
    """The rows of a batch by the table that they go to, in the order of the table's columns."""
    if isinstance(batch.columns, Traces):
        return {
            "traceroutes": trace_rows.traceroutes(batch, batch.columns),
            "traceroute_hops": trace_rows.hops(batch, batch.columns),
        }
    return {"ping_results": ping_rows.results(batch, batch.columns)}


def _counts(batch: Batch) -> list[int]:
    """How many targets were answered, lost, unreachable and failed."""
    if not isinstance(batch.columns, Traces):
        return [int(np.count_nonzero(batch.columns.outcome == each)) for each in (ANSWERED, LOST, UNREACHABLE, FAILED)]
    counts = [0] * (FAILED + 1)
    for outcome, count in enumerate(np.bincount(batch.columns.outcome, minlength=len(_AS_PING)).tolist()):
        counts[_AS_PING[outcome]] += count
    return counts
