"""Lines over time as the shapes of an SVG: where each point, tick and gap stands. A template writes them. Pure.

Where nothing was measured there is a gap, and no line over it: a line would say that somebody looked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hoploom.manager.measures import scales
from hoploom.manager.measures.scales import Scale, Tick

WIDTH, HEIGHT = 900, 240
"""Units of the plot's `viewBox`; one is a pixel where there is room."""
LEFT, RIGHT, TOP, BOTTOM = 62, WIDTH - 14, 14, HEIGHT - 30
"""Where the axes stand: room for `1000` at the left and for a time below."""


class Line(NamedTuple):
    """What is drawn over time.

    Attributes:
        name: What people call it.
        style: Class that it is drawn in.
        values: One a period; None where there is none.
    """

    name: str
    style: str
    values: Sequence[float | None]


class Shape(NamedTuple):
    """A line as it is drawn.

    Attributes:
        name: What people call it.
        style: Class that it is drawn in.
        path: `d` of a path through all points that have a neighbour.
        dots: (x, y) of points that have none.
    """

    name: str
    style: str
    path: str
    dots: tuple[tuple[float, float], ...]


class Gap(NamedTuple):
    """Where nothing was measured: from the left, and how wide."""

    x: float
    width: float


@dataclass(frozen=True)
class Plot:
    """All that is drawn.

    Attributes:
        shapes: A line each.
        times: Ticks of the axis below.
        values: Ticks of the axis at the left.
        gaps: Where nothing was measured.
        unit: Of the values.
        is_log: Whether the axis of values is logarithmic.
    """

    shapes: tuple[Shape, ...]
    times: tuple[Tick, ...]
    values: tuple[Tick, ...]
    gaps: tuple[Gap, ...]
    unit: str
    is_log: bool


def drawn(
    starts_s: Sequence[int], step_s: int, window_s: tuple[int, int], lines: Sequence[Line], unit: str
) -> Plot:
    """A plot of lines over periods of one length.

    Args:
        starts_s: (n,) when each period begins that anything was measured in, ascending, seconds since 1970.
        step_s: How long each lasts.
        window_s: From when to when the plot goes.
        lines: Each with n values of 0 and more.
        unit: Of the values.
    """
    across = Scale(window_s[0], max(window_s[1], window_s[0] + step_s), LEFT, RIGHT)
    known = [value for line in lines for value in line.values if value is not None]
    up, ticks = scales.over(known, BOTTOM, TOP)
    middles = [across.at(start_s + step_s / 2) for start_s in starts_s]
    shapes = []
    for line in lines:
        runs = list(_runs(starts_s, step_s, line.values))
        points = [[(middles[at], up.at(value)) for at, value in run] for run in runs]
        path = "".join(_path(run) for run in points if len(run) > 1)
        shapes.append(Shape(line.name, line.style, path, tuple(run[0] for run in points if len(run) == 1)))
    times = scales.time_ticks(across)
    return Plot(tuple(shapes), times, ticks, tuple(_gaps(starts_s, step_s, across)), unit, up.is_log)


def _runs(
    starts_s: Sequence[int], step_s: int, values: Sequence[float | None]
) -> Iterator[list[tuple[int, float]]]:
    """Values that follow upon each other without a gap, each with its number."""
    run: list[tuple[int, float]] = []
    for at, (start_s, value) in enumerate(zip(starts_s, values, strict=True)):
        if run and (value is None or start_s - starts_s[at - 1] > step_s):
            yield run
            run = []
        if value is not None:
            run.append((at, value))
    if run:
        yield run


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def _gaps(starts_s: Sequence[int], step_s: int, across: Scale) -> Iterator[Gap]:
    """The parts of the window that no period covers."""
    end_s = across.low
    for start_s in (*starts_s, across.high):
        if start_s - end_s >= step_s:
            x = across.at(end_s)
            yield Gap(x, round(across.at(start_s) - x, 1))
        end_s = max(end_s, start_s + step_s)
