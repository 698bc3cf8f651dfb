"""Whether a table has lost routes that Consul still asks for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 900.0
"""How far back a table is remembered: what was lost longer ago is what there is."""

KEPT_LEAST, GRAVE = 0.8, 0.5
LOST_LEAST: Final = 2
"""One route is one finding, and not a table that shrinks."""

_IN_A_ROW: Final = 2


@dataclass(frozen=True)
class Size:
    """A table at one moment.

    Attributes:
        at_s: When.
        routes: How many routes it had.
        wanted: How many the instances that passed in Consul asked for.
    """

    at_s: float
    routes: int
    wanted: int


@dataclass(frozen=True)
class Shrink:
    """A table that has lost routes.

    Attributes:
        now: Routes that it has.
        most: Routes that it had lately.
        grave: Whether more than half of what Consul asks for is lost.
    """

    now: int
    most: int
    grave: bool


def remembered(sizes: Sequence[Size], new: Size) -> tuple[Size, ...]:
    """The sizes of a table with a new one, as far back as they count; a table that was not read has no size."""
    return (*(each for each in sizes if new.at_s - each.at_s < WINDOW_S), new)


def most(sizes: Sequence[Size]) -> Size | None:
    """The largest that is remembered; the newest of equal ones, for what Consul wanted then is nearest to now."""
    return max(sizes, key=lambda each: (each.routes, each.at_s), default=None)


def shrink(sizes: Sequence[Size]) -> Shrink | None:
    """What a table has lost, which Consul's passing instances have not; None where nothing.

    Two looks in a row have to say so, since a table and Consul are not read in the same moment.
    """
    if len(sizes) < _IN_A_ROW or not all(_lost(each, sizes) for each in sizes[-_IN_A_ROW:]):
        return None
    top, last = most(sizes), sizes[-1]
    assert top is not None
    return Shrink(last.routes, top.routes, last.routes < GRAVE * _fair(last, top))


def _lost(size: Size, sizes: Sequence[Size]) -> bool:
    top = most(sizes)
    return top is not None and top.routes - size.routes >= LOST_LEAST and size.routes < KEPT_LEAST * _fair(size, top)


def _fair(size: Size, top: Size) -> float:
    """How many routes would be left if the table had lost what Consul has: a deployment halves both."""
    return top.routes * min(1.0, size.wanted / top.wanted if top.wanted else 1.0)
