"""From a batch to the rows that are stored. Pure."""

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.wire import addresses, batch_codec
from hoploom.wire.batch import NONE, OUTCOMES, Batch

BATCH_COLUMNS = (
    "batch, batch_key, digest, seq, campaign, campaign_number, measurement, worker, worker_number, revision, round, "
    "worker_group, lease, family, kind, start, stop, result_rows, answered, lost, unreachable, failed, boot_id, "
    "started_at_us, clock_offset_us, received_at_us, suspect"
)
RESULT_COLUMNS = 19
_KEY_BITS = 63


def batch_key(batch_id: str) -> int:
    """The first 63 bits of a batch's id: short enough for every row, and the same in every store."""
    return uuid.UUID(batch_id).int >> (128 - _KEY_BITS)


def batch_row(batch: Batch, seq: int, received_at_us: int) -> tuple[Any, ...]:
    """The row of `batches`, in the order of `BATCH_COLUMNS`."""
    counts = np.bincount(batch.columns.outcome, minlength=len(OUTCOMES)).tolist()
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
        *counts,
        batch.boot_id,
        batch.started_at_us,
        received_at_us - elapsed_us - batch.started_at_us,
        received_at_us,
        int(batch.suspect),
    )


def result_rows(batch: Batch) -> Iterator[tuple[Any, ...]]:
    """The rows of `ping_results`, in the order of its columns."""
    columns, key = batch.columns, batch_key(batch.batch)
    head = (batch.campaign_number, batch.measurement, batch.worker_number, batch.round)
    senders = addresses.texts(columns.icmp_from)
    at_us = (columns.at_us + batch.started_at_us).tolist()
    per_row = zip(
        columns.position.tolist(),
        addresses.texts(columns.address),
        columns.outcome.tolist(),
        columns.sent.tolist(),
        columns.received.tolist(),
        columns.duplicates.tolist(),
        _optional(columns.rtt_min_us),
        _optional(columns.rtt_avg_us),
        _optional(columns.rtt_max_us),
        _optional(columns.reply_ttl),
        _optional(columns.icmp_type),
        _optional(columns.icmp_code),
        (sender or None for sender in senders),
        at_us,
        strict=True,
    )
    for position, address, outcome, *rest in per_row:
        yield (*head, position, key, address, OUTCOMES[outcome], *rest)


def _optional(column: NDArray[Any]) -> list[int | None]:
    return [None if value == NONE else value for value in column.tolist()]
