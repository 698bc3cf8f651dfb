"""Many cells of one campaign, column by column: as they travel, and as they are merged and added up with NumPy.

Half a million cells are usual where hundreds of workers probe hundreds of networks, and a page has milliseconds. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import BadRequest
from hoploom.wire import rtt_histogram
from hoploom.wire.columns import NONE
from hoploom.wire.rollup import Cell

KEYS: Final = ("worker", "network", "start_s", "length_s")
AMOUNTS: Final = ("targets", "answered", "sent", "received", "sum_us")
COLUMNS: Final = (*KEYS, *AMOUNTS, "min_us", "max_us")
COUNTS: Final = ("cell", "bucket", "count")
_MOST: Final = 2**62
_DENSE: Final = 2**23
"""Numbers below it are counted in an array of so many, 64 MB at most."""
_AT_A_TIME: Final = 4096
"""Rows whose histograms are laid out at once: 2 MB of counts."""
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CellTable:
    """Cells of one campaign, a row (n) each; the fields of `rollup.Cell` are its columns, all int64.

    Attributes:
        campaign: The campaign's permanent number.
        workers: Names, for the numbers in the column `worker`.
        networks: Names, for the column `network`.
        columns: (n,) each, by the names in `COLUMNS`; `min_us` and `max_us` are -1 without a reply.
        cell: (m,) the row that a count of a histogram belongs to.
        bucket: (m,) its bucket.
        count: (m,) how many round-trip times are in it.
    """

    campaign: int
    workers: tuple[str, ...]
    networks: tuple[str, ...]
    columns: Mapping[str, I64]
    cell: I64
    bucket: I64
    count: I64

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.columns["worker"])

    @staticmethod
    def empty(campaign: int) -> CellTable:
        """No cell."""
        none = np.zeros(0, np.int64)
        return CellTable(campaign, (), (), dict.fromkeys(COLUMNS, none), none, none, none)

    def chosen(self, rows: NDArray[np.bool_]) -> CellTable:
        """Some of the rows, by a mask (n,)."""
        number = rows.cumsum() - 1
        kept = rows[self.cell]
        return replace(
            self,
            columns={name: column[rows] for name, column in self.columns.items()},
            cell=number[self.cell[kept]],
            bucket=self.bucket[kept],
            count=self.count[kept],
        )

    def where(
        self, length_s: int, since_s: int = 0, until_s: int = _MOST, *, worker: str = "", network: str = ""
    ) -> CellTable:
        """Cells of one length whose periods begin in [since_s, until_s), of one worker and network where named."""
        start_s = self.columns["start_s"]
        rows = (self.columns["length_s"] == length_s) & (start_s >= since_s) & (start_s < until_s)
        for name, wanted, names in (("worker", worker, self.workers), ("network", network, self.networks)):
            if wanted:
                rows &= self.columns[name] == (names.index(wanted) if wanted in names else NONE)
        return self.chosen(rows)

    def by(self, *names: str) -> CellTable:
        """Added up to one row for each different combination of what is named.

        Args:
            names: Of `KEYS`. What is not named holds the smallest value of the rows that became one; for a worker or
                a network that means nothing.

        Returns:
            A table in the order of these columns.
        """
        different, group = _ranked(self.key(*names))
        return self._summed(group, len(different))

    def key(self, *names: str) -> I64:
        """(n,) a number for each combination of these columns, in the order of the columns."""
        key, size = np.zeros(len(self), np.int64), 1
        for name in names if len(self) else ():
            column = self.columns[name] - self.columns[name].min()
            width = int(column.max()) + 1
            if size * width > _MOST:
                # Ranks take a sort, and are needed where somebody's clock was centuries off.
                different, column = np.unique(column, return_inverse=True)
                width = len(different)
            key, size = key * width + column.reshape(-1), size * width
        return key

    def percentiles_us(self, share: float) -> NDArray[np.float64]:
        """(n,) the RTT in microseconds that a share of the replies took at most; NaN without a reply."""
        found = np.full(len(self), np.nan)
        order = np.argsort(self.cell, kind="stable")
        cell, bucket, count = self.cell[order], self.bucket[order], self.count[order]
        for start in range(0, len(self), _AT_A_TIME):
            stop = min(start + _AT_A_TIME, len(self))
            counts = np.zeros((stop - start, rtt_histogram.BUCKETS), np.int64)
            part = slice(*np.searchsorted(cell, [start, stop]))
            np.add.at(counts, (cell[part] - start, bucket[part]), count[part])
            found[start:stop] = rtt_histogram.percentiles_us(counts, share)
        least, most = self.columns["min_us"], self.columns["max_us"]
        return np.where(least == NONE, np.nan, np.clip(found, least, most))

    def loss(self) -> NDArray[np.float64]:
        """(n,) the part of the requests that nobody answered; NaN where nothing was sent."""
        sent, received = self.columns["sent"], self.columns["received"]
        found: NDArray[np.float64] = np.where(sent > 0, (sent - received) / np.maximum(sent, 1), np.nan)
        return found

    def cells(self) -> list[Cell]:
        """Each as a `Cell`, in the order of the rows."""
        blobs = self._histograms()
        names = {"worker": self.workers, "network": self.networks}
        listed = [self.columns[name].tolist() for name in COLUMNS]
        found = []
        for values, blob in zip(zip(*listed, strict=True), blobs, strict=True):
            row: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
            row |= {name: None for name in ("min_us", "max_us") if row[name] == NONE}
            row |= {name: known[row[name]] for name, known in names.items()}
            found.append(Cell(campaign=self.campaign, histogram=blob, **row))
        return found

    def to_json(self) -> dict[str, Any]:
        """As it travels, without the campaign: names, columns, and the counts of all histograms."""
        return {
            "workers": list(self.workers),
            "networks": list(self.networks),
            "columns": {name: self.columns[name].tolist() for name in COLUMNS},
            "rtt": {name: getattr(self, name).tolist() for name in COUNTS},
        }

    @staticmethod
    def from_json(campaign: int, document: Any) -> CellTable:
        """Read what `to_json` wrote.

        Raises:
            BadRequest: It is no such document.
        """
        try:
            columns = {name: _column(document["columns"][name]) for name in COLUMNS}
            counts = [_column(document["rtt"][name]) for name in COUNTS]
            workers, networks = (tuple(map(str, document[name])) for name in ("workers", "networks"))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadRequest(f"this is no table of cells: {error!r}") from error
        _require_whole(columns, counts, len(workers), len(networks))
        return CellTable(campaign, workers, networks, columns, *counts)

    def _summed(self, group: I64, size: int) -> CellTable:
        """Rows of one group together: (n,) the group of each row, 0 <= group < size."""
        columns = {name: _least(self.columns[name], group, size) for name in KEYS}
        for name in AMOUNTS:
            columns[name] = np.zeros(size, np.int64)
            np.add.at(columns[name], group, self.columns[name])
        least = np.where(self.columns["min_us"] == NONE, _MOST, self.columns["min_us"])
        columns["min_us"] = _least(least, group, size)
        columns["min_us"][columns["min_us"] == _MOST] = NONE
        columns["max_us"] = np.full(size, NONE, np.int64)
        np.maximum.at(columns["max_us"], group, self.columns["max_us"])
        entry, at = _ranked(group[self.cell] * rtt_histogram.BUCKETS + self.bucket)
        count = np.zeros(len(entry), np.int64)
        np.add.at(count, at, self.count)
        cell, bucket = np.divmod(entry, rtt_histogram.BUCKETS)
        return replace(self, columns=columns, cell=cell, bucket=bucket, count=count)

    def _histograms(self) -> list[bytes]:
        order = np.argsort(self.cell, kind="stable")
        ends = np.searchsorted(self.cell[order], np.arange(len(self) + 1))
        packed = rtt_histogram.packed_pairs(self.bucket[order], self.count[order])
        size = rtt_histogram.PAIR_BYTES
        return [packed[first * size : last * size] for first, last in pairwise(ends)]


def joined(campaign: int, tables: Sequence[CellTable]) -> CellTable:
    """Tables of several instances as one, in which cells of the same worker, network and period are one."""
    return _stacked(campaign, tables).by(*KEYS)


def updated(known: CellTable, changed: CellTable, since_s: Mapping[int, int]) -> CellTable:
    """What is known of one instance, with cells that have changed there in the place of those before.

    Args:
        known: Its cells.
        changed: Those that have changed, and new ones.
        since_s: By length, when the oldest period begins that is still there.
    """
    both = _stacked(known.campaign, [changed, known])
    # Of two with one key the first is the one that changed.
    _, first = np.unique(both.key(*KEYS), return_index=True)
    kept = np.zeros(len(both), np.bool_)
    kept[first] = True
    for length_s, oldest_s in since_s.items():
        kept &= (both.columns["length_s"] != length_s) | (both.columns["start_s"] >= oldest_s)
    return both.chosen(kept)


def _stacked(campaign: int, tables: Sequence[CellTable]) -> CellTable:
    """All rows of several tables, under one list of names each."""
    if not tables:
        return CellTable.empty(campaign)
    workers, networks = _names(each.workers for each in tables), _names(each.networks for each in tables)
    columns = {name: np.concatenate([each.columns[name] for each in tables]) for name in COLUMNS}
    for name, number in (("worker", workers), ("network", networks)):
        columns[name] = np.concatenate([_renumbered(each, name, number) for each in tables])
    offsets = np.cumsum([0, *(len(each) for each in tables)])
    cell = np.concatenate([each.cell + offset for each, offset in zip(tables, offsets, strict=False)])
    bucket = np.concatenate([each.bucket for each in tables])
    count = np.concatenate([each.count for each in tables])
    return CellTable(campaign, tuple(workers), tuple(networks), columns, cell, bucket, count)


def _ranked(values: I64) -> tuple[I64, I64]:
    """All different values, ascending, and (n,) the rank of each of (n,) values of 0 and more."""
    if len(values) and int(values.max()) < _DENSE:
        # Counted, not sorted: half a million cells have some millions of counts.
        is_there = np.bincount(values) > 0
        return np.flatnonzero(is_there), (is_there.cumsum() - 1)[values]
    different, rank = np.unique(values, return_inverse=True)
    return different, rank.reshape(-1)


def _names(known: Iterable[Iterable[str]]) -> dict[str, int]:
    """All different names, sorted, with their numbers."""
    return {name: number for number, name in enumerate(sorted({name for names in known for name in names}))}


def _renumbered(table: CellTable, name: str, numbers: Mapping[str, int]) -> I64:
    names = table.workers if name == "worker" else table.networks
    return np.array([numbers[each] for each in names], np.int64)[table.columns[name]]


def _least(values: I64, group: I64, size: int) -> I64:
    found = np.full(size, _MOST, np.int64)
    np.minimum.at(found, group, values)
    return found


def _column(values: Any) -> I64:
    if not isinstance(values, list) or any(type(value) is not int for value in values):
        raise ValueError("a column is a list of whole numbers")
    return np.array(values, np.int64)


def _require_whole(columns: Mapping[str, I64], counts: Sequence[I64], workers: int, networks: int) -> None:
    size = len(columns["worker"])
    within = (
        (columns["worker"], workers),
        (columns["network"], networks),
        (counts[0], size),
        (counts[1], rtt_histogram.BUCKETS),
    )
    fits = len({len(each) for each in columns.values()}) == 1 and len({len(each) for each in counts}) == 1
    if not fits or any(((each < 0) | (each >= bound)).any() for each, bound in within):
        raise BadRequest("this is no table of cells: its columns do not fit together")
