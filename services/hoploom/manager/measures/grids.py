"""A matrix of workers and networks: which come first, and what stands in each field. Pure.

There may be 500 workers and 256 networks, so a page has a part of both: what is worst stands first in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from hoploom.wire.cell_table import CellTable

_MEDIAN, _TAIL = 0.5, 0.99
ORDERS: Final = ("loss", "p50", "p99", "name")
ROWS, COLUMNS = 40, 12
"""Of a page: some 100 KB of HTML."""


class Entry(NamedTuple):
    """What was found of a worker, a network, or both.

    Attributes:
        name: Of the worker or the network; empty for both.
        p50_us: Median round-trip time in microseconds; None without a reply.
        p99_us: What 99 of 100 replies took at most.
        loss: The part of the requests that nobody answered, 0 to 1; None where nothing was sent.
        sent: Requests.
    """

    name: str
    p50_us: float | None
    p99_us: float | None
    loss: float | None
    sent: int


class Grid(NamedTuple):
    """A part of a matrix.

    Attributes:
        rows: Workers, each over all networks.
        columns: Networks, each over all workers.
        fields: What was found by the names of worker and network; nothing where nothing was measured.
        workers: How many workers there are.
        networks: How many networks.
    """

    rows: Sequence[Entry]
    columns: Sequence[Entry]
    fields: Mapping[tuple[str, str], Entry]
    workers: int
    networks: int


class Sums(NamedTuple):
    """Cells of a window, added up.

    Attributes:
        pairs: One of each worker and network.
        workers: One of each worker, over all networks.
        networks: One of each network, over all workers.
    """

    pairs: CellTable
    workers: CellTable
    networks: CellTable


def sums(table: CellTable) -> Sums:
    """What matrices are made of, so that a page looks at no cell twice."""
    pairs = table.by("worker", "network")
    return Sums(pairs, pairs.by("worker"), pairs.by("network"))


def grid(found: Sums, order: str, row_page: int = 1, column_page: int = 1) -> Grid:
    """A page of the matrix.

    Args:
        found: Cells of a window.
        order: Of workers and of networks, one of `ORDERS`: the worst first.
        row_page: Which page of workers, from 1 on; beyond the last it is the last.
        column_page: Which page of networks.
    """
    workers, networks = ranked(found, "worker", order), ranked(found, "network", order)
    rows, columns = _page(workers, row_page, ROWS), _page(networks, column_page, COLUMNS)
    return Grid(rows, columns, _fields(found.pairs, rows, columns), len(workers), len(networks))


def ranked(found: Sums, by: str, order: str) -> list[Entry]:
    """All workers or networks, the worst first.

    Args:
        found: Cells of a window.
        by: `worker` or `network`.
        order: One of `ORDERS`.
    """
    table = found.workers if by == "worker" else found.networks
    names = table.workers if by == "worker" else table.networks
    return sorted(_entries(table, [names[each] for each in table.columns[by]]), key=_KEYS[order])


def _fields(table: CellTable, rows: Sequence[Entry], columns: Sequence[Entry]) -> dict[tuple[str, str], Entry]:
    wanted = _among(table, "worker", rows) & _among(table, "network", columns)
    found = table.chosen(wanted)
    keys = zip(found.columns["worker"].tolist(), found.columns["network"].tolist(), strict=True)
    names = [(table.workers[worker], table.networks[network]) for worker, network in keys]
    return dict(zip(names, _entries(found, [""] * len(found)), strict=True))


def _among(table: CellTable, by: str, entries: Sequence[Entry]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    names = table.workers if by == "worker" else table.networks
    wanted = {each.name for each in entries}
    is_wanted = np.array([name in wanted for name in names], np.bool_)
    return is_wanted[table.columns[by]] if len(names) else np.zeros(len(table), np.bool_)


def _entries(table: CellTable, names: Sequence[str]) -> list[Entry]:
    columns = (table.percentiles_us(_MEDIAN), table.percentiles_us(_TAIL), table.loss())
    known = ([None if math.isnan(each) else float(each) for each in column] for column in columns)
    return [Entry(*row) for row in zip(names, *known, table.columns["sent"].tolist(), strict=True)]


def _page(entries: Sequence[Entry], number: int, size: int) -> Sequence[Entry]:
    last = max(1, -(-len(entries) // size))
    start = (min(max(number, 1), last) - 1) * size
    return entries[start : start + size]


def _by_loss(entry: Entry) -> tuple[float, float, str]:
    return -(entry.loss or 0.0), -(entry.p99_us or 0.0), entry.name


def _by_p50(entry: Entry) -> tuple[float, float, str]:
    return -(entry.p50_us or 0.0), -(entry.loss or 0.0), entry.name


def _by_p99(entry: Entry) -> tuple[float, float, str]:
    return -(entry.p99_us or 0.0), -(entry.loss or 0.0), entry.name


_KEYS: Final[Mapping[str, Callable[[Entry], tuple[float, float, str]]]] = {
    "loss": _by_loss,
    "p50": _by_p50,
    "p99": _by_p99,
    "name": lambda entry: (0.0, 0.0, entry.name),
}
