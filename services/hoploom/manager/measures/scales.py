"""Axes of plots: where a value stands, and which values are written beside the axis. Pure."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

LOG_FROM: Final = 30.0
"""Values whose largest is so many times the smallest are told apart only on a logarithmic axis."""

_NICE: Final = (1.0, 2.0, 5.0, 10.0)
_DECADE: Final = (1.0, 2.0, 5.0)
_SHORT_DECADES: Final = 2
_DAY_S: Final = 86_400
_STEPS_S: Final = (
    *(60, 300, 600, 900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600),
    *(_DAY_S * days for days in (1, 2, 5, 7, 14, 30, 90, 365)),
)


class Tick(NamedTuple):
    """A value that is written beside an axis: where, and how."""

    at: float
    label: str


@dataclass(frozen=True)
class Scale:
    """From values to places along an axis.

    Attributes:
        low: The value at `start`.
        high: The value at `stop`, more than `low`.
        start: Place of the smallest, in units of the plot.
        stop: Place of the largest; may be less than `start`, as places are counted from the top.
        is_log: Equal distances are equal ratios; `low` is over 0 then.
    """

    low: float
    high: float
    start: float
    stop: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands, in units of the plot; what lies outside stands at the end of the axis."""
        inside = min(max(value, self.low), self.high)
        return round(self.start + (self.stop - self.start) * self._part(inside), 1)

    def _part(self, value: float) -> float:
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, values: Iterable[float]) -> tuple[Tick, ...]:
        """Those of some values that lie on the axis."""
        return tuple(Tick(self.at(each), f"{each:g}") for each in values if self.low <= each <= self.high)


def over(values: Sequence[float], start: float, stop: float) -> tuple[Scale, tuple[Tick, ...]]:
    """An axis for values of 0 and more, and what is written beside it: from 0, or logarithmic where that tells more.

    Args:
        values: All that are drawn; none makes an axis from 0 to 1.
        start: Place of the smallest, in units of the plot.
        stop: Place of the largest.
    """
    most, least = max(values, default=1.0) or 1.0, min((each for each in values if each > 0), default=0.0)
    if least and most / least >= LOG_FROM:
        low, high = 10 ** math.floor(math.log10(least)), 10 ** math.ceil(math.log10(most))
        decades = round(math.log10(high / low))
        parts = _DECADE if decades <= _SHORT_DECADES else (1.0,)
        scale = Scale(low, high, start, stop, is_log=True)
        return scale, scale.ticks(low * 10**decade * part for decade in range(decades + 1) for part in parts)
    step = _nice(most / 4)
    count = math.ceil(most / step)
    scale = Scale(0.0, count * step, start, stop)
    return scale, scale.ticks(round(number * step, 9) for number in range(count + 1))


def _nice(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not under `least`."""
    power: float = 10 ** math.floor(math.log10(least))
    return next(power * each for each in _NICE if power * each >= least * (1 - 1e-9))


def time_ticks(scale: Scale, most: int = 7) -> tuple[Tick, ...]:
    """Round times on an axis of seconds since 1970, in UTC: days where they begin, else hours and minutes.

    Args:
        scale: The axis.
        most: How many at most.
    """
    span_s = scale.high - scale.low
    step_s = next((each for each in _STEPS_S if span_s / each <= most), span_s)
    first = math.ceil(scale.low / step_s)
    return tuple(
        Tick(scale.at(number * step_s), _time_label(number * step_s))
        for number in range(first, math.floor(scale.high / step_s) + 1)
    )


def _time_label(at_s: float) -> str:
    moment = datetime.datetime.fromtimestamp(at_s, datetime.UTC)
    return moment.strftime("%-d %b") if at_s % _DAY_S == 0 else moment.strftime("%H:%M")
