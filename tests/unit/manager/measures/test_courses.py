"""Round-trip times and loss over time."""

import pytest

from hoploom.manager.measures.courses import course
from hoploom.manager.measures.windows import Window
from unit.manager.measures.measured import cell, cells_of

TABLE = cells_of(
    [
        cell("a", "x", 0, [10_000] * 9 + [90_000]),
        cell("b", "x", 0, [10_000] * 10),
        cell("a", "y", 1, [], lost=4),
        cell("a", "x", 7, [20_000], lost=1),
    ]
)
WINDOW = Window("1 hour", 0, 3600, 300, 300)


def test_periods_stand_in_the_order_of_time_over_all_workers_and_networks() -> None:
    found = course(TABLE, WINDOW)
    assert found.starts_s == [0, 300, 2100]
    assert found.loss == [0.0, 1.0, 0.5]
    assert (found.sent, found.targets, found.answered) == ([20, 4, 2], [20, 4, 2], [20, 0, 1])
    assert found.rtts_us["p50"] == [pytest.approx(10_000, rel=0.26), None, pytest.approx(20_000, rel=0.26)]
    assert found.rtts_us["p99"][0] == pytest.approx(90_000, rel=0.26)


@pytest.mark.parametrize(
    ("worker", "network", "sent"),
    [("a", "", [10, 4, 2]), ("", "y", [4]), ("b", "x", [10]), ("b", "y", []), ("nobody", "", [])],
)
def test_one_worker_and_one_network(worker: str, network: str, sent: list[int]) -> None:
    assert course(TABLE, WINDOW, worker=worker, network=network).sent == sent


def test_longer_periods_hold_several_cells() -> None:
    assert course(TABLE, WINDOW._replace(step_s=1800)).sent == [24, 2]


def test_a_table_has_the_newest_period_first() -> None:
    rows = course(TABLE, WINDOW).rows()
    assert [each["start_s"] for each in rows] == [2100, 300, 0]
    assert rows[1]["p50"] is None and rows[1]["loss"] == 1.0


def test_lines_are_in_milliseconds_and_percent() -> None:
    found = course(TABLE, WINDOW)
    assert [each.name for each in found.rtt_lines()] == ["p50", "p90", "p99"]
    assert found.rtt_lines()[0].values[0] == pytest.approx(10, rel=0.26)
    assert found.loss_lines()[0].values == [0.0, 100.0, 50.0]
