"""From a batch of traceroutes to the rows of `traceroutes` and `traceroute_hops`. Pure."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.output_service.cells import batch_key, head, optional
from hoploom.wire import addresses
from hoploom.wire.batch import Batch
from hoploom.wire.traces import OUTCOMES, Traces

_UNKNOWN_TTL = 0
PIECE_ROWS = 32_768
"""Hops that are made Python values at a time: those of the largest batch at once take 50 MB more."""


def traceroutes(batch: Batch, columns: Traces) -> Iterator[tuple[Any, ...]]:
    """The rows of `traceroutes`, in the order of its columns."""
    first, key = head(batch), batch_key(batch.batch)
    per_row = zip(
        columns.position.tolist(),
        addresses.texts(columns.address),
        columns.outcome.tolist(),
        columns.sent.tolist(),
        optional(columns.joined_ttl, _UNKNOWN_TTL),
        optional(columns.distance, _UNKNOWN_TTL),
        np.bincount(columns.hop_target, minlength=len(columns)).tolist(),
        (columns.at_us + batch.started_at_us).tolist(),
        strict=True,
    )
    for position, address, outcome, *rest in per_row:
        yield (*first, position, key, address, OUTCOMES[outcome], *rest)


def hops(batch: Batch, columns: Traces) -> Iterator[tuple[Any, ...]]:
    """The rows of `traceroute_hops`, in the order of its columns."""
    first, key = head(batch), batch_key(batch.batch)
    positions, targets, stacks = columns.position.tolist(), addresses.texts(columns.address), _stacks(columns)
    for start in range(0, len(stacks), PIECE_ROWS):
        piece = slice(start, start + PIECE_ROWS)
        per_row = zip(
            columns.hop_target[piece].tolist(),
            columns.hop_ttl[piece].tolist(),
            _texts(columns.hop_address[piece]),
            optional(columns.hop_rtt_us[piece]),
            optional(columns.hop_reply_ttl[piece]),
            optional(columns.hop_quoted_ttl[piece]),
            optional(columns.hop_icmp_type[piece]),
            optional(columns.hop_icmp_code[piece]),
            (columns.hop_at_us[piece] + batch.started_at_us).tolist(),
            stacks[piece],
            strict=True,
        )
        for target, *rest in per_row:
            yield (*first, positions[target], key, targets[target], *rest)


def _texts(hop_address: NDArray[np.uint8]) -> list[str | None]:
    """The text of each hop, None for a silent one; each different address is made a text once."""
    raw = np.ascontiguousarray(hop_address).view(f"V{addresses.WIDTH}").reshape(-1)
    different, index = np.unique(raw, return_inverse=True)
    texts = addresses.texts(different.view(np.uint8).reshape(-1, addresses.WIDTH))
    return [texts[each] or None for each in index.tolist()]


def _stacks(columns: Traces) -> list[str | None]:
    """The label stack of each hop as it is written, None where it quoted none."""
    stacks: list[str | None] = [None] * len(columns.hop_ttl)
    for hop, entry in zip(columns.mpls_hop.tolist(), columns.mpls_entry.tolist(), strict=True):
        before = stacks[hop]
        stacks[hop] = f"{before} {_label(entry)}" if before else _label(entry)
    return stacks


def _label(entry: int) -> str:
    """A label stack entry as `label:class:bottom:ttl` (RFC 3032 section 2.1, RFC 5462)."""
    return f"{entry >> 12}:{entry >> 9 & 7}:{entry >> 8 & 1}:{entry & 255}"
