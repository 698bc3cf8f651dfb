"""Axes: where values stand and which are written."""

import pytest

from hoploom.manager.measures import scales
from hoploom.manager.measures.scales import Scale

DAY_S = 86_400


@pytest.mark.parametrize(
    ("values", "labels", "is_log"),
    [
        pytest.param([], ["0", "0.5", "1"], False, id="without a value there is an axis"),
        pytest.param([0.0], ["0", "0.5", "1"], False, id="zeros alone have one too"),
        pytest.param([12.0, 17.0], ["0", "5", "10", "15", "20"], False, id="from zero in round steps"),
        pytest.param([90.0, 100.0], ["0", "50", "100"], False, id="the largest is the end"),
        pytest.param([0.3, 0.4], ["0", "0.1", "0.2", "0.3", "0.4"], False, id="small values"),
        pytest.param([2.0, 80.0], ["1", "2", "5", "10", "20", "50", "100"], True, id="forty times: logarithmic"),
        pytest.param([0.02, 900.0], ["0.01", "0.1", "1", "10", "100", "1000"], True, id="five decades: powers alone"),
        pytest.param([0.0, 2.0, 3.0], ["0", "1", "2", "3"], False, id="a zero does not make it logarithmic"),
    ],
)
def test_an_axis_of_values(values: list[float], labels: list[str], is_log: bool) -> None:
    scale, ticks = scales.over(values, 200.0, 10.0)
    assert [each.label for each in ticks] == labels
    assert scale.is_log == is_log
    assert (ticks[0].at, ticks[-1].at) == (200.0, 10.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.0, 0.0), (10.0, 50.0), (100.0, 100.0), (0.0, 0.0), (1e9, 100.0)],
    ids=["the least", "in the middle by its ratio", "the most", "under it", "over it"],
)
def test_a_place_on_a_logarithmic_axis(value: float, expected: float) -> None:
    assert Scale(1.0, 100.0, 0.0, 100.0, is_log=True).at(value) == expected


@pytest.mark.parametrize(
    ("since_s", "until_s", "labels"),
    [
        pytest.param(0, 3600, ["1 Jan", "00:10", "00:20", "00:30", "00:40", "00:50", "01:00"], id="an hour"),
        pytest.param(100, DAY_S, ["06:00", "12:00", "18:00", "2 Jan"], id="a day"),
        pytest.param(0, 90 * DAY_S, ["1 Jan", "15 Jan", "29 Jan", "12 Feb", "26 Feb", "12 Mar", "26 Mar"],
                     id="a quarter"),
    ],
)  # fmt: skip
def test_times_are_round_and_in_utc(since_s: int, until_s: int, labels: list[str]) -> None:
    assert [each.label for each in scales.time_ticks(Scale(since_s, until_s, 0, 100))] == labels


def test_a_very_long_time_has_few_ticks() -> None:
    assert len(scales.time_ticks(Scale(0, 50 * 365 * DAY_S, 0, 100))) <= 8
