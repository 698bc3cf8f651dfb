"""Who stands where on the map: workers that are near each other are one spot, for they would hide each other. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from hoploom.manager.measures.projection import Point, point
from hoploom.wire.rollup import Place

NEAR_UNITS: Final = 24.0
"""Shapes are so wide."""
_WORST: Final = ("critical", "silent", "warning", "left", "passing")
_LEAST, _MOST = 3.0, 18.0
"""Radius of a circle for one target, and for as many as there are anywhere."""


class Standing(NamedTuple):
    """A worker and where its owner says that it is.

    Attributes:
        name: Of the worker.
        state: passing, warning, critical, silent or left.
        place: In words; empty where none is told.
        latitude: Degrees north; None where it is not told.
        longitude: Degrees east.
    """

    name: str
    state: str
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None


class Spot(NamedTuple):
    """Workers at one place on the map.

    Attributes:
        at: Where, in units of the map.
        state: The worst of theirs.
        workers: Who they are, the worst first.
    """

    at: Point
    state: str
    workers: tuple[Standing, ...]

    @property
    def title(self) -> str:
        """Who stands here, in words."""
        names = [f"{each.name}: {each.state}{f', {each.place}' if each.place else ''}" for each in self.workers[:8]]
        return "; ".join([*names, *[f"and {len(self.workers) - 8} more"] * (len(self.workers) > 8)])  # noqa: PLR2004


class Circle(NamedTuple):
    """Targets in one square of a degree.

    Attributes:
        at: Its middle.
        radius: By the logarithm of their number.
        share: The part that answered, 0 to 1.
        title: In words.
    """

    at: Point
    radius: float
    share: float
    title: str


def spots(workers: Iterable[Standing]) -> list[Spot]:
    """Spots of all workers that have a place; those with somebody in trouble last, so that they lie on top."""
    found: dict[tuple[int, int], list[tuple[Point, Standing]]] = {}
    for each in workers:
        if each.latitude is not None and each.longitude is not None:
            at = point(each.latitude, each.longitude)
            found.setdefault((int(at.x // NEAR_UNITS), int(at.y // NEAR_UNITS)), []).append((at, each))
    return sorted(map(_spot, found.values()), key=lambda spot: (-_WORST.index(spot.state), spot.at))


def _spot(members: Sequence[tuple[Point, Standing]]) -> Spot:
    standing = sorted((each for _, each in members), key=lambda each: (_WORST.index(each.state), each.name))
    xs, ys = zip(*(at for at, _ in members), strict=True)
    middle = Point(round(sum(xs) / len(xs), 1), round(sum(ys) / len(ys), 1))
    return Spot(middle, standing[0].state, tuple(standing))


def circles(places: Sequence[Place]) -> list[Circle]:
    """Circles of targets, the largest first, so that none is hidden."""
    most = max([1, *(each.targets for each in places)])
    return sorted((_circle(each, most) for each in places), key=lambda circle: -circle.radius)


def _circle(place: Place, most: int) -> Circle:
    part = math.log1p(place.targets) / math.log1p(most)
    at = point(min(place.latitude + 0.5, 90.0), min(place.longitude + 0.5, 180.0))
    share = place.answered / place.targets if place.targets else 0.0
    title = f"{place.country or 'unknown country'}: {place.targets:,} targets, {share:.0%} answered"
    return Circle(Point(round(at.x, 1), round(at.y, 1)), round(_LEAST + (_MOST - _LEAST) * part, 1), share, title)
