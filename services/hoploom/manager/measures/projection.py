"""Where a place on earth stands on the map: equirectangular, Greenwich in the middle. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

WIDTH: Final = 2000
"""Units of the map's `viewBox`; one is 0.18 degrees, 20 km at the equator."""
HEIGHT: Final = WIDTH // 2
_WORLD_DEGREES: Final = 360.0


class Point(NamedTuple):
    """A place on the map, in units from its upper left corner."""

    x: float
    y: float


def point(latitude: float, longitude: float) -> Point:
    """Where a place stands.

    Args:
        latitude: Degrees north, -90 to 90.
        longitude: Degrees east, -180 to 180.

    Source: Snyder 1987, "Map Projections: A Working Manual", USGS paper 1395, chapter 12.
    """
    scale = WIDTH / _WORLD_DEGREES
    return Point((longitude + 180.0) * scale, (90.0 - latitude) * scale)
