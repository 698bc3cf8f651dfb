"""From a batch of pings to the rows of `ping_results`. Pure."""

from collections.abc import Iterator
from typing import Any

from hoploom.output_service.cells import batch_key, head, optional
from hoploom.wire import addresses
from hoploom.wire.batch import OUTCOMES, Batch, Columns


def results(batch: Batch, columns: Columns) -> Iterator[tuple[Any, ...]]:
    """The rows of `ping_results`, in the order of its columns."""
    first, key = head(batch), batch_key(batch.batch)
    per_row = zip(
        columns.position.tolist(),
        addresses.texts(columns.address),
        columns.outcome.tolist(),
        columns.sent.tolist(),
        columns.received.tolist(),
        columns.duplicates.tolist(),
        optional(columns.rtt_min_us),
        optional(columns.rtt_avg_us),
        optional(columns.rtt_max_us),
        optional(columns.reply_ttl),
        optional(columns.icmp_type),
        optional(columns.icmp_code),
        (sender or None for sender in addresses.texts(columns.icmp_from)),
        (columns.at_us + batch.started_at_us).tolist(),
        strict=True,
    )
    for position, address, outcome, *rest in per_row:
        yield (*first, position, key, address, OUTCOMES[outcome], *rest)
