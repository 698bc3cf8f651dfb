"""The rollup of cells: what each worker found of each network of a campaign, in periods of five minutes and an hour.

Each row of it has the number of its last change, which grows: who has read up to one asks for what changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hoploom.kit import metrics
from hoploom.output_service.rollups.batches import NONE, Pings, StoredBatch, Traces
from hoploom.targets.network_table import NetworkTable
from hoploom.wire import rtt_histogram
from hoploom.wire.batch import ANSWERED
from hoploom.wire.rollup import LENGTHS
from hoploom.wire.traces import REACHED

MOST_ROWS: Final = 250_000
"""Of each length, some 40 MB: two days of ten workers and forty networks, or two periods of 500 workers and 250."""

_LEFT: Final = 0.9
"""Of them when they are too many, so that not each step has to look for the oldest."""

_US: Final = 1_000_000
_TABLES: Final = (
    """
CREATE TABLE cells (
  campaign INTEGER NOT NULL, length_s INTEGER NOT NULL, start_s INTEGER NOT NULL,
  worker TEXT NOT NULL, network TEXT NOT NULL,
  targets INTEGER NOT NULL, answered INTEGER NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL,
  sum_us INTEGER NOT NULL, min_us INTEGER NOT NULL, max_us INTEGER NOT NULL, -- -1 without a reply
  histogram BLOB NOT NULL,
  change INTEGER NOT NULL,
  PRIMARY KEY (campaign, length_s, start_s, worker, network)
) WITHOUT ROWID
""",
    "CREATE INDEX cells_by_change ON cells (campaign, change)",
)
_ADD: Final = """
INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  targets = targets + excluded.targets, answered = answered + excluded.answered, sent = sent + excluded.sent,
  received = received + excluded.received, sum_us = sum_us + excluded.sum_us,
  min_us = CASE WHEN min_us < 0 OR (excluded.min_us >= 0 AND excluded.min_us < min_us) THEN excluded.min_us
    ELSE min_us END,
  max_us = max(max_us, excluded.max_us), histogram = merged_histograms(histogram, excluded.histogram),
  change = excluded.change
"""
_NEWEST: Final = "SELECT max(start_s) FROM cells WHERE campaign = ? AND length_s = ?"
_EXPIRE: Final = "DELETE FROM cells WHERE campaign = ? AND length_s = ? AND start_s < ?"
_COUNT: Final = "SELECT count(*) FROM cells WHERE length_s = ?"
_BOUNDARY: Final = """
SELECT start_s, (SELECT max(start_s) FROM cells WHERE length_s = ?1) FROM cells WHERE length_s = ?1
ORDER BY start_s LIMIT 1 OFFSET ?2
"""
_DROP_OLDEST: Final = "DELETE FROM cells WHERE length_s = ? AND start_s <= ?"
_DROP_SOME: Final = """
DELETE FROM cells WHERE (campaign, length_s, start_s, worker, network) IN (
  SELECT campaign, length_s, start_s, worker, network FROM cells WHERE length_s = ? ORDER BY start_s LIMIT ?)
"""
_CHANGE_BITS: Final = 20
"""Changes of one call are counted below the number of its last batch: so they grow, whatever was let go of."""

DROPPED = metrics.counter(
    "hoploom_output_rollup_dropped_total", "Sums that went before their time, for there were too many.", ("table",)
)
Column = NDArray[np.int64]


class Networks(Protocol):
    """Knows the networks of each edition of a campaign."""

    def of(self, measurement: int) -> NetworkTable:
        """The table of an edition, by its permanent number."""


class _Results(NamedTuple):
    """Results (n) of a batch, of either kind."""

    at_s: Column
    answered: Column
    sent: Column
    received: Column
    rtt_us: Column
    least_us: Column
    most_us: Column


class Cells:
    """See `batches.Rollup`."""

    name = "cells"
    tables: Sequence[str] = _TABLES

    def __init__(self, networks: Networks, most_rows: int = MOST_ROWS) -> None:
        """Know the names of networks, and how many rows of each length are kept."""
        self._networks, self._most = networks, most_rows
        self._connection: Any = None
        self._upper: dict[int, int] = {}

    def add(self, connection: Any, batches: Sequence[StoredBatch]) -> None:
        """Add batches up, and let go of what is too old or too much."""
        if not batches:
            return
        if connection is not self._connection:
            connection.create_scalar_function("merged_histograms", _merged, 2, deterministic=True)
            self._connection, self._upper = connection, dict.fromkeys(LENGTHS, self._most)
        keys, which = self._keys(batches)
        results = _Results(*map(np.concatenate, zip(*map(_results, batches), strict=True)))
        change = batches[-1].seq << _CHANGE_BITS
        for length_s in LENGTHS:
            rows = _cells(length_s, keys, which, results)
            connection.executemany(_ADD, [(*row, change + number) for number, row in enumerate(rows, 1)])
            change += len(rows)
            self._upper[length_s] += len(rows)
        self._expire(connection, {each.campaign_number for each in batches})
        for length_s in LENGTHS:
            self._bound(connection, length_s)

    def rows(self, connection: Any) -> int:
        """How many cells there are."""
        return int(connection.execute("SELECT count(*) FROM cells").get)

    def _keys(self, batches: Sequence[StoredBatch]) -> tuple[list[tuple[int, str, str]], Column]:
        """Different campaigns, workers and networks, and which of them each result (n) belongs to."""
        numbers: dict[tuple[int, str, str], int] = {}
        parts = []
        for each in batches:
            table = self._networks.of(each.measurement)
            used, at = np.unique(table.of(each.rows.address), return_inverse=True)
            names = [table.name(int(number)) for number in used]
            keys = [(each.campaign_number, each.worker, name) for name in names]
            parts.append(np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)[at.reshape(-1)])
        return list(numbers), np.concatenate(parts)

    def _expire(self, connection: Any, campaigns: set[int]) -> None:
        for campaign in campaigns:
            for length_s, kept_s in LENGTHS.items():
                newest = connection.execute(_NEWEST, (campaign, length_s)).get
                if newest is not None:
                    connection.execute(_EXPIRE, (campaign, length_s, newest - kept_s))

    def _bound(self, connection: Any, length_s: int) -> None:
        """Let go of the oldest where there are too many: whole periods, and of the newest only what is over."""
        if self._upper[length_s] <= self._most:
            return
        count = int(connection.execute(_COUNT, (length_s,)).get)
        if count > self._most:
            left = int(_LEFT * self._most)
            boundary, newest = connection.execute(_BOUNDARY, (length_s, count - left - 1)).fetchall()[0]
            connection.execute(_DROP_OLDEST, (length_s, min(boundary, newest - 1)))
            remaining = int(connection.execute(_COUNT, (length_s,)).get)
            if remaining > self._most:
                connection.execute(_DROP_SOME, (length_s, remaining - left))
                remaining = left
            DROPPED.labels(self.name).inc(count - remaining)
            count = remaining
        self._upper[length_s] = count


def _results(batch: StoredBatch) -> _Results:
    rows = batch.rows
    at_s = rows.at_us // _US
    if isinstance(rows, Pings):
        answered = (rows.outcome == ANSWERED).astype(np.int64)
        return _Results(at_s, answered, rows.sent, rows.received, rows.rtt_us, rows.rtt_min_us, rows.rtt_max_us)
    answered = (rows.outcome == REACHED).astype(np.int64)
    sent = (rows.sent > 0).astype(np.int64)
    rtt_us = _own_rtt_us(rows)
    return _Results(at_s, answered, sent, np.minimum(answered, sent), rtt_us, rtt_us, rtt_us)


def _own_rtt_us(rows: Traces) -> Column:
    """(n,) the RTT of each target's own answer, -1 without one."""
    found = np.full(len(rows.outcome), NONE, np.int64)
    own = (rows.hop_address == rows.address[rows.hop_target]).all(axis=1) & (rows.hop_rtt_us != NONE)
    # The first answer of several is the one that ended the path.
    found[rows.hop_target[own][::-1]] = rows.hop_rtt_us[own][::-1]
    found[rows.outcome != REACHED] = NONE
    return found


def _cells(
    length_s: int, keys: Sequence[tuple[int, str, str]], which: Column, results: _Results
) -> list[tuple[Any, ...]]:
    """A row of the table for each key and period, without the change."""
    periods, period = np.unique(results.at_s // length_s, return_inverse=True)
    cells, cell = np.unique(which * len(periods) + period.reshape(-1), return_inverse=True)
    cell, size = cell.reshape(-1), len(cells)
    replied = results.rtt_us != NONE
    amounts = [_sum(each, cell, size) for each in (np.ones_like(cell), *results[1:4])]
    amounts.append(_sum(np.where(replied, results.rtt_us, 0), cell, size))
    least = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(least, cell[replied], results.least_us[replied])
    most = np.full(size, NONE, np.int64)
    np.maximum.at(most, cell[replied], results.most_us[replied])
    least[most == NONE] = NONE
    blobs = _histograms(cell[replied], results.rtt_us[replied], size)
    which_key, at = np.divmod(cells, len(periods))
    listed = zip(
        which_key.tolist(), (periods[at] * length_s).tolist(), *(each.tolist() for each in (*amounts, least, most)),
        blobs, strict=True,
    )  # fmt: skip
    return [(keys[key][0], length_s, start_s, *keys[key][1:], *rest) for key, start_s, *rest in listed]


def _sum(values: Column, cell: Column, size: int) -> Column:
    found = np.zeros(size, np.int64)
    np.add.at(found, cell, values)
    return found


def _histograms(cell: Column, rtt_us: Column, size: int) -> list[bytes]:
    entries, count = np.unique(cell * rtt_histogram.BUCKETS + rtt_histogram.buckets(rtt_us), return_counts=True)
    owner, bucket = np.divmod(entries, rtt_histogram.BUCKETS)
    ends = np.searchsorted(owner, np.arange(size + 1)) * rtt_histogram.PAIR_BYTES
    blob = rtt_histogram.packed_pairs(bucket, count)
    return [blob[first:last] for first, last in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]


def _merged(one: bytes, other: bytes) -> bytes:
    """Two packed histograms as one; called by SQLite a cell at a time, so without NumPy, which takes longer."""
    counts: dict[int, int] = dict(rtt_histogram.PAIR.iter_unpack(one))
    for bucket, count in rtt_histogram.PAIR.iter_unpack(other):
        counts[bucket] = counts.get(bucket, 0) + count
    return b"".join(rtt_histogram.PAIR.pack(*each) for each in sorted(counts.items()))

