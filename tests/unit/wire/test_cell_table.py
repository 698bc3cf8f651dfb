"""Tables of cells are what the cells one by one are."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import BadRequest
from hoploom.wire import cell_table, rollup, rtt_histogram
from hoploom.wire.cell_table import CellTable
from hoploom.wire.rollup import Cell

CAMPAIGN = 2_000_000_001


@st.composite
def some_cells(draw: st.DrawFn) -> list[Cell]:
    keys = draw(st.sets(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 2)), max_size=8))
    return [one_cell(*key, draw(st.lists(st.integers(1, 10**6), max_size=5))) for key in sorted(keys)]


def one_cell(worker: str, network: str, period: int, rtts: list[int]) -> Cell:
    counts = np.bincount(rtt_histogram.buckets(np.array(rtts, np.int64)), minlength=rtt_histogram.BUCKETS)
    return Cell(
        campaign=CAMPAIGN, worker=worker, network=network, start_s=300 * period, length_s=300, targets=len(rtts) + 1,
        answered=len(rtts), sent=len(rtts) + 1, received=len(rtts), min_us=min(rtts, default=None),
        max_us=max(rtts, default=None), sum_us=sum(rtts), histogram=rtt_histogram.packed(counts),
    )  # fmt: skip


def table(cells: list[Cell]) -> CellTable:
    """Made one by one, through the form in which it travels."""
    return cell_table.joined(CAMPAIGN, [CellTable.from_json(CAMPAIGN, document([each])) for each in cells])


def document(cells: list[Cell]) -> dict[str, Any]:
    none = {"min_us": -1, "max_us": -1}
    rows = [{name: getattr(each, name) for name in cell_table.COLUMNS} for each in cells]
    for number, row in enumerate(rows):
        row |= {"worker": number, "network": number}
        row |= {name: value for name, value in none.items() if row[name] is None}
    counts = [
        (number, bucket, int(count))
        for number, each in enumerate(cells)
        for bucket, count in enumerate(rtt_histogram.unpacked(each.histogram))
        if count
    ]
    return {
        "workers": [each.worker for each in cells],
        "networks": [each.network for each in cells],
        "columns": {name: [row[name] for row in rows] for name in cell_table.COLUMNS},
        "rtt": {name: [each[at] for each in counts] for at, name in enumerate(cell_table.COUNTS)},
    }


@given(some_cells())
def test_cells_go_in_and_come_out(cells: list[Cell]) -> None:
    assert table(cells).cells() == cells


@given(some_cells())
def test_what_travels_is_what_was_sent(cells: list[Cell]) -> None:
    made = table(cells)
    assert CellTable.from_json(CAMPAIGN, json.loads(json.dumps(made.to_json()))).cells() == made.cells()


@given(some_cells(), some_cells())
def test_two_instances_add_up_cell_by_cell(one: list[Cell], other: list[Cell]) -> None:
    by_key: dict[tuple[Any, ...], list[Cell]] = {}
    for each in [*one, *other]:
        by_key.setdefault((each.worker, each.network, each.start_s), []).append(each)
    expected = [rollup.total(by_key[key]) for key in sorted(by_key)]
    assert cell_table.joined(CAMPAIGN, [table(one), table(other)]).cells() == expected


@given(some_cells())
def test_rows_of_one_worker_and_network_become_one(cells: list[Cell]) -> None:
    found = table(cells).by("worker", "network")
    for each in found.cells():
        same = [other for other in cells if (other.worker, other.network) == (each.worker, each.network)]
        assert each == rollup.total(same)
    assert len(found) == len({(each.worker, each.network) for each in cells})


@given(some_cells())
def test_percentiles_and_loss_are_those_of_each_cell(cells: list[Cell]) -> None:
    made = table(cells)
    for each, p99, loss in zip(made.cells(), made.percentiles_us(0.99), made.loss(), strict=True):
        assert each.p99_us == (None if np.isnan(p99) else p99)
        assert each.loss == loss


def test_a_time_and_a_name_choose() -> None:
    cells = [one_cell(worker, network, period, [5]) for worker in "ab" for network in "xy" for period in (0, 1)]
    made = table(cells)
    assert made.where(300, 300, worker="a", network="y").cells() == [one_cell("a", "y", 1, [5])]
    assert len(made.where(300, until_s=300)) == 4
    assert len(made.where(300, worker="nobody")) == len(made.where(3600)) == 0


def test_periods_that_lie_centuries_apart_stay_apart() -> None:
    cells = [one_cell("a", "x", period, [5]) for period in (0, 2**50)]
    assert table(cells).cells() == cells
    # So far that their distances do not fit into one number.
    made = [replace(one_cell("a", "x", 0, [5]), start_s=number, length_s=number) for number in (1, 2**40)]
    assert table(made).cells() == made


def test_no_table_has_no_cells() -> None:
    assert len(cell_table.joined(CAMPAIGN, [])) == len(CellTable.empty(CAMPAIGN).by("worker")) == 0


def changed(**changes: Any) -> dict[str, Any]:
    return document([one_cell("a", "x", 0, [5])]) | changes


@pytest.mark.parametrize(
    "what",
    [
        None,
        [],
        {},
        changed(workers=[]),
        changed(columns={}),
        changed(columns={**changed()["columns"], "targets": [1.5]}),
        changed(columns={**changed()["columns"], "targets": [1, 2]}),
        changed(columns={**changed()["columns"], "targets": [2**70]}),
        changed(rtt={"cell": [1], "bucket": [0], "count": [1]}),
        changed(rtt={"cell": [0], "bucket": [64], "count": [1]}),
        changed(rtt={"cell": [0], "bucket": [], "count": [1]}),
    ],
)
def test_what_is_no_table_is_refused(what: object) -> None:
    with pytest.raises(BadRequest):
        CellTable.from_json(CAMPAIGN, what)
