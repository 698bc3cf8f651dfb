"""From a batch to the rows that are stored, and the tables that they go to. Pure."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from hoploom.output_service import ping_rows, trace_rows
from hoploom.output_service.cells import batch_key
from hoploom.output_service.packing import Packed
from hoploom.wire import batch_codec, traces
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE, Batch
from hoploom.wire.traces import Traces

_AS_PING = {
    traces.REACHED: ANSWERED,
    traces.GAP: LOST,
    traces.UNREACHABLE: UNREACHABLE,
    traces.LOOP: LOST,
    traces.FAILED: FAILED,
}
"""What counts as what among pings: a path that ends in silence or in a loop has lost its target."""


class Ready:
    """A batch with what would keep the writer from SQLite: its digest, and its first rows, which are all of a ping's.

    The hops of traceroutes are packed as they are written: those of the largest batch take as much memory as it does.

    Attributes:
        batch: The batch.
        digest: Of its content.
        first: Rows that are packed.
        others: Those that follow.
    """

    def __init__(self, batch: Batch) -> None:
        """Get it ready."""
        self.batch, self.digest, self.others = batch, batch_codec.digest(batch), result_rows(batch)
        self.first = list(islice(self.others, 1))


def batch_row(batch: Batch, received_at_us: int) -> dict[str, Any]:
    """The row of `batches`, by column; without `digest`, `store` and `seq`."""
    answered, lost, unreachable, failed = _counts(batch)
    return {
        "batch": batch.batch,
        "batch_key": batch_key(batch.batch),
        "campaign": batch.campaign,
        "campaign_number": batch.campaign_number,
        "measurement": batch.measurement,
        "worker": batch.worker,
        "worker_number": batch.worker_number,
        "revision": batch.revision,
        "round": batch.round,
        "worker_group": batch.group,
        "lease": batch.lease,
        "family": batch.family,
        "kind": batch.kind,
        "start": batch.start,
        "stop": batch.stop,
        "result_rows": len(batch.columns),
        "hop_rows": hop_count(batch),
        "answered": answered,
        "lost": lost,
        "unreachable": unreachable,
        "failed": failed,
        "suspect": int(batch.suspect),
        "boot_id": batch.boot_id,
        "started_at_us": batch.started_at_us,
        "clock_offset_us": clock_offset_us(batch, received_at_us),
        "received_at_us": received_at_us,
    }


def clock_offset_us(batch: Batch, received_at_us: int) -> int:
    """What to add to the worker's times, by the wall clock of whoever received the batch."""
    elapsed_us = batch.sent_monotonic_us - batch.started_monotonic_us
    return received_at_us - elapsed_us - batch.started_at_us


def hop_count(batch: Batch) -> int:
    """How many rows a batch has in `traceroute_hops`."""
    return len(batch.columns.hop_ttl) if isinstance(batch.columns, Traces) else 0


def result_rows(batch: Batch) -> Iterator[Packed]:
    """The rows of a batch in the tables of its kind, each table's in one piece or in several that follow each other."""
    if isinstance(batch.columns, Traces):
        yield from trace_rows.traceroutes(batch, batch.columns)
        yield from trace_rows.hops(batch, batch.columns)
    else:
        yield from ping_rows.results(batch, batch.columns)


def _counts(batch: Batch) -> list[int]:
    """How many targets were answered, lost, unreachable and failed."""
    if not isinstance(batch.columns, Traces):
        return [int(np.count_nonzero(batch.columns.outcome == each)) for each in (ANSWERED, LOST, UNREACHABLE, FAILED)]
    counts = [0] * (FAILED + 1)
    for outcome, count in enumerate(np.bincount(batch.columns.outcome, minlength=len(_AS_PING)).tolist()):
        counts[_AS_PING[outcome]] += count
    return counts
