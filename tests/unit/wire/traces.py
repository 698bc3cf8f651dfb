"""Good batches of traceroutes for the tests of every room that sends or takes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.wire.addresses import MAPPED_PREFIX, column
from hoploom.wire.batch import Batch
from hoploom.wire.traces import GAP, REACHED, Traces
from unit.wire.batches import make

HOPS = 4
"""Hops of each trace: a router, a silent one, a router with two labels, and the target, which every third lacks."""


def paths(targets: int, *, start: int = 0, family: int = 4) -> Traces:
    """Traceroutes of which every third ends in a gap, where its last hop is a router too."""
    row = np.arange(targets)
    lost = row % 3 == 2
    silent = np.tile([False, True, False, False], targets)
    is_target = np.tile([False, False, False, True], targets) & ~np.repeat(lost, HOPS)
    address = _addresses(0x0A000000 + start + row, family)
    hop_address = _addresses(np.tile([0x0B000001, 0, 0x0B000003, 0x0B000004], targets), family)
    hop_address[silent] = 0
    hop_address[is_target] = np.repeat(address, HOPS, axis=0)[is_target]
    exceeded, echo = (11, 0) if family == 4 else (3, 129)
    labelled = HOPS * row + 2
    return Traces(
        position=(start + row).astype(np.int64),
        address=address,
        outcome=np.where(lost, GAP, REACHED).astype(np.uint8),
        sent=np.full(targets, 5, np.uint16),
        joined_ttl=(row % 2).astype(np.uint8),
        distance=np.where(lost, 0, HOPS).astype(np.uint8),
        at_us=row * 250,
        hop_target=np.repeat(row, HOPS).astype(np.int32),
        hop_ttl=np.tile(np.arange(1, HOPS + 1), targets).astype(np.uint8),
        hop_address=hop_address,
        hop_rtt_us=np.where(silent, -1, 1000 + np.arange(HOPS * targets) % 1000).astype(np.int32),
        hop_reply_ttl=np.where(silent, -1, 60).astype(np.int16),
        hop_quoted_ttl=np.where(silent | is_target, -1, 1).astype(np.int16),
        hop_icmp_type=np.where(silent, -1, np.where(is_target, echo, exceeded)).astype(np.int16),
        hop_icmp_code=np.where(silent, -1, 0).astype(np.int16),
        hop_at_us=np.repeat(row * 250, HOPS) + np.tile(np.arange(HOPS) * 10, targets),
        mpls_hop=np.repeat(labelled, 2).astype(np.int32),
        mpls_entry=np.tile([24_001 << 12 | 1, 16 << 12 | 1 << 8 | 254], targets).astype(np.uint32),
    )


def traced(number: int = 0, targets: int = 3, **changes: Any) -> Batch:
    """A good batch of traceroutes; `number` gives it an id and positions of its own."""
    rows = paths(targets, start=number * targets, family=changes.get("family", 4))
    return make(number, targets, **{"kind": "trace", "columns": rows, **changes})


def one_hop_each(found: Sequence[str | None]) -> Traces:
    """Traceroutes of one router each, or of a silent hop."""
    rows = paths(len(found))
    firsts = {name: getattr(rows, name)[::HOPS] for name in rows.types() if name.startswith("hop_")}
    firsts["hop_address"] = column(each or "" for each in found)
    empty = {name: getattr(rows, name)[:0] for name in ("mpls_hop", "mpls_entry")}
    return dataclasses.replace(rows, **firsts, **empty)


def _addresses(numbers: NDArray[Any], family: int) -> NDArray[np.uint8]:
    head = MAPPED_PREFIX if family == 4 else b"\xfd" + bytes(11)
    packed = numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
    return np.concatenate([np.tile(np.frombuffer(head, np.uint8), (len(packed), 1)), packed], axis=1)
