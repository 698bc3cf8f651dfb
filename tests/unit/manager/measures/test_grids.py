"""Matrices of workers and networks."""

import pytest

from hoploom.manager.measures import grids
from hoploom.manager.measures.grids import COLUMNS, ROWS, Grid, sums
from hoploom.wire.cell_table import CellTable
from unit.manager.measures.measured import CAMPAIGN, cell, cells_of


def grid(table: CellTable, order: str, *pages: int) -> Grid:
    return grids.grid(sums(table), order, *pages)


TABLE = cells_of(
    [
        cell("near", "x", 0, [1_000] * 10),
        cell("near", "y", 0, [2_000] * 10),
        cell("far", "x", 0, [200_000] * 10),
        cell("lossy", "x", 0, [5_000] * 8, lost=2),
        cell("dead", "y", 0, [], lost=3),
    ]
)


@pytest.mark.parametrize(
    ("order", "rows", "columns"),
    [
        ("loss", ["dead", "lossy", "far", "near"], ["y", "x"]),
        ("p50", ["far", "lossy", "near", "dead"], ["x", "y"]),
        ("p99", ["far", "lossy", "near", "dead"], ["x", "y"]),
        ("name", ["dead", "far", "lossy", "near"], ["x", "y"]),
    ],
)
def test_the_worst_stands_first(order: str, rows: list[str], columns: list[str]) -> None:
    found = grid(TABLE, order)
    assert ([each.name for each in found.rows], [each.name for each in found.columns]) == (rows, columns)


def test_a_field_has_what_was_found_and_none_where_nothing_was_measured() -> None:
    fields = grid(TABLE, "name").fields
    assert fields["lossy", "x"].loss == pytest.approx(0.2)
    assert fields["far", "x"].p50_us == pytest.approx(200_000, rel=0.26)
    assert (fields["dead", "y"].p50_us, fields["dead", "y"].loss) == (None, 1.0)
    assert ("far", "y") not in fields


def test_a_matrix_of_one_worker() -> None:
    found = grid(cells_of([cell("a", "x", 0, [1_000])]), "loss")
    assert (len(found.rows), len(found.columns), len(found.fields)) == (1, 1, 1)


def test_a_matrix_without_anything() -> None:
    assert grid(CellTable.empty(CAMPAIGN), "loss") == grids.Grid([], [], {}, 0, 0)


def test_500_workers_and_256_networks_come_in_pages_the_worst_first() -> None:
    table = cells_of(
        [cell(f"w{row:03}", f"n{row % 256:03}", 0, [1_000] * 10, lost=row) for row in range(500)]
    )
    first, last, beyond = (grid(table, "loss", *pages) for pages in ((1, 1), (13, 22), (99, 99)))
    assert (first.workers, first.networks, len(first.rows), len(first.columns)) == (500, 256, ROWS, COLUMNS)
    assert (first.rows[0].name, first.columns[0].name, last.rows[-1].name) == ("w499", "n243", "w000")
    assert last == beyond
    assert len(first.fields) <= ROWS * COLUMNS
