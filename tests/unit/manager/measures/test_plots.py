"""Plots: lines, gaps and lone points."""

import pytest

from hoploom.manager.measures import plots
from hoploom.manager.measures.plots import BOTTOM, LEFT, RIGHT, TOP, Line

STEP_S = 300
WINDOW_S = (0, 3000)


def drawn(starts_s: list[int], values: list[float | None]) -> plots.Plot:
    return plots.drawn(starts_s, STEP_S, WINDOW_S, [Line("p50", "p50", values)], "ms")


def width(periods: float) -> float:
    return (RIGHT - LEFT) * periods / 10


@pytest.mark.parametrize(
    ("starts_s", "values", "moves", "dots", "gaps"),
    [
        pytest.param([0, 300, 600], [1.0, 2.0, 3.0], 1, 0, 1, id="neighbours are one line"),
        pytest.param([0, 300, 900, 1200], [1.0, 2.0, 3.0, 4.0], 2, 0, 2, id="a period without a look parts it"),
        pytest.param([0, 300, 600, 900], [1.0, 2.0, None, 3.0], 1, 1, 1,
                     id="a period without a reply parts it too, and is no gap"),
        pytest.param([600], [1.0], 0, 1, 2, id="one period alone is a dot"),
        pytest.param([], [], 0, 0, 1, id="nothing at all is one gap"),
        pytest.param([300], [None], 0, 0, 2, id="a period in which nothing answered has no point"),
    ],
)  # fmt: skip
def test_what_is_drawn(
    starts_s: list[int], values: list[float | None], moves: int, dots: int, gaps: int
) -> None:
    found = drawn(starts_s, values)
    (shape,) = found.shapes
    assert (shape.path.count("M"), len(shape.dots), len(found.gaps)) == (moves, dots, gaps)


def test_points_stand_in_the_middle_of_their_periods_and_at_their_values() -> None:
    found = drawn([0, 300], [0.0, 4.0])
    x = LEFT + width(0.5)
    assert found.shapes[0].path == f"M{x:g} {BOTTOM}L{x + width(1):g} {TOP}"


def test_gaps_stand_where_nothing_was_measured() -> None:
    found = drawn([0, 300, 1500, 1800, 2100, 2400, 2700], [1.0] * 7)
    (gap,) = found.gaps
    assert tuple(gap) == pytest.approx((LEFT + width(2), width(3)), abs=0.1)


def test_two_thousand_periods_stay_small() -> None:
    starts_s = list(range(0, 2_000 * STEP_S, STEP_S))
    line = Line("p50", "p50", [float(each % 17 + 1) for each in range(2_000)])
    found = plots.drawn(starts_s, STEP_S, (0, 2_000 * STEP_S), [line], "ms")
    assert len(found.shapes[0].path) < 40_000
