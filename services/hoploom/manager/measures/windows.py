"""Parts of time that a person chooses to look at, and the periods that they are told in. Pure.

They end with the newest period of the campaign, for a campaign that rests keeps its picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from hoploom.wire.cell_table import CellTable
from hoploom.wire.rollup import COARSE_S, FINE_KEPT_S, FINE_S

_HOUR_S, _DAY_S = 3_600, 86_400
SPANS_S: Final[Mapping[str, int]] = {
    "1 hour": _HOUR_S, "6 hours": 6 * _HOUR_S, "1 day": _DAY_S, "2 days": 2 * _DAY_S, "1 week": 7 * _DAY_S,
    "30 days": 30 * _DAY_S, "90 days": 90 * _DAY_S,
}  # fmt: skip
USUAL: Final = "1 day"
MOST_PERIODS: Final = 300
"""A plot has some 800 pixels: more points would fall upon each other."""


class Window(NamedTuple):
    """A part of time.

    Attributes:
        name: As people choose it, a key of `SPANS_S`.
        since_s: Its beginning, seconds since 1970, with which a period begins.
        until_s: Its end.
        length_s: Of the cells that tell of it.
        step_s: Of the periods that are shown, a multiple of `length_s`.
    """

    name: str
    since_s: int
    until_s: int
    length_s: int
    step_s: int


def window(name: str, table: CellTable) -> Window | None:
    """The last so much time of a campaign, or all of it where that is less; None where it has no cell.

    Args:
        name: A key of `SPANS_S`; any other is `USUAL`.
        table: All cells of the campaign.
    """
    name = name if name in SPANS_S else USUAL
    span_s = SPANS_S[name]
    length_s = FINE_S if span_s <= FINE_KEPT_S else COARSE_S
    starts_s = table.columns["start_s"][table.columns["length_s"] == length_s]
    if not len(starts_s):
        return None
    step_s = length_s * -(-span_s // (length_s * MOST_PERIODS))
    # On a grid of its own steps, so that periods do not move with each new cell.
    until_s = (int(starts_s.max()) // step_s + 1) * step_s
    since_s = max(until_s - span_s, int(starts_s.min())) // step_s * step_s
    return Window(name, since_s, until_s, length_s, step_s)


def within(table: CellTable, window: Window, *, worker: str = "", network: str = "") -> CellTable:
    """The cells of a window, of one worker and one network where they are named."""
    return table.where(window.length_s, window.since_s, window.until_s, worker=worker, network=network)
