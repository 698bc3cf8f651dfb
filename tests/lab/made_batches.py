"""Batches whose whole content follows from their id, so that whoever checks what became of one needs only the id.

Of four, three are of pings and one of traceroutes; now and then one has no row at all. Round-trip times and the rest of
what is stored differ from batch to batch and from row to row.
"""

from __future__ import annotations

import dataclasses
import random
from functools import cache

import numpy as np

from hoploom.ping_service.probing import boot_id
from hoploom.wire.batch import Batch, Columns
from hoploom.wire.traces import Traces
from unit.wire.batches import columns, make
from unit.wire.traces import paths

MOST_ROWS, MOST_PATHS = 100, 20
_STARTS, _SLOWEST_US = 1000, 500_000


def made(batch: str) -> Batch:
    """The batch with this id, the same on every call on this machine since it was started.

    Args:
        batch: A random UUID.
    """
    chosen = random.Random(batch)
    start, size = chosen.randrange(_STARTS), chosen.randint(0, MOST_ROWS)
    if chosen.random() < 1 / 4:
        size = min(size, MOST_PATHS)
        rows: Columns | Traces = _paths(size, start, chosen.getrandbits(32))
        kind = "trace"
    else:
        rows, kind = _pings(size, start, chosen.getrandbits(32)), "ping"
    values = {"batch": batch, "kind": kind, "start": start, "stop": start + max(1, size), "columns": rows}
    times = {"started_at_us": 1_700_000_000_000_000 + chosen.randrange(10**12), "round": chosen.randrange(3)}
    return make(0, 0, **values, **times, boot_id=_boot_id())


@cache
def _boot_id() -> str:
    return boot_id()


def _pings(size: int, start: int, seed: int) -> Columns:
    found, chosen = columns(size, start=start), np.random.default_rng(seed)
    answered = found.rtt_avg_us >= 0
    low, middle, high = np.sort(chosen.integers(0, _SLOWEST_US, (3, size)), axis=0).astype(np.int32)
    return dataclasses.replace(
        found,
        rtt_min_us=np.where(answered, low, -1).astype(np.int32),
        rtt_avg_us=np.where(answered, middle, -1).astype(np.int32),
        rtt_max_us=np.where(answered, high, -1).astype(np.int32),
        reply_ttl=np.where(answered, chosen.integers(1, 255, size), -1).astype(np.int16),
        at_us=np.sort(chosen.integers(0, 10**7, size)),
    )


def _paths(targets: int, start: int, seed: int) -> Traces:
    found, chosen = paths(targets, start=start), np.random.default_rng(seed)
    rtt_us = chosen.integers(0, _SLOWEST_US, len(found.hop_rtt_us))
    return dataclasses.replace(found, hop_rtt_us=np.where(found.hop_rtt_us < 0, -1, rtt_us).astype(np.int32))
