"""Parts of time, as people choose them."""

import pytest

from hoploom.manager.measures import windows
from hoploom.manager.measures.windows import Window, window, within
from hoploom.wire.cell_table import CellTable
from unit.manager.measures.measured import CAMPAIGN, cell, cells_of

TABLE = cells_of([cell("a", "x", period, [1000]) for period in (0, 100, 1000)])
END_S = 1001 * 300


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1 hour", Window("1 hour", END_S - 3600, END_S, 300, 300)),
        ("1 day", Window("1 day", END_S - 86_400, END_S, 300, 300)),
        ("2 days", Window("2 days", 127_800, 300_600, 300, 600)),
        ("nonsense'; DROP", Window("1 day", END_S - 86_400, END_S, 300, 300)),
    ],
    ids=["an hour", "a day", "two days have longer periods", "anything else is the usual"],
)
def test_a_window_ends_with_the_newest_period(name: str, expected: Window) -> None:
    assert window(name, TABLE) == expected


@pytest.mark.parametrize("name", windows.SPANS_S)
def test_no_window_has_more_periods_than_a_plot_shows(name: str) -> None:
    coarse = cells_of([cell("a", "x", 12 * 10**5, [1])])
    coarse.columns["length_s"][:] = 3600 if windows.SPANS_S[name] > 2 * 86_400 else 300
    found = window(name, coarse)
    assert found and (found.until_s - found.since_s) / found.step_s <= windows.MOST_PERIODS + 1
    assert found.since_s % found.step_s == found.until_s % found.step_s == 0


@pytest.mark.parametrize("name", ["1 day", "90 days"])
def test_without_a_cell_there_is_no_window(name: str) -> None:
    assert window(name, CellTable.empty(CAMPAIGN)) is None


def test_what_is_within_it() -> None:
    found = window("1 day", TABLE)
    assert found and within(TABLE, found).columns["start_s"].tolist() == [300_000]


def test_a_window_does_not_begin_before_the_campaign() -> None:
    found = window("1 day", cells_of([cell("a", "x", period, [1]) for period in (1000, 1003)]))
    assert found and (found.since_s, found.until_s) == (300_000, 301_200)
