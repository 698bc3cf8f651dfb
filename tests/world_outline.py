"""Makes the map's outline of the world: `PYTHONPATH=services:tests python tests/world_outline.py`.

Natural Earth's land at 1:110,000,000 (public domain), from the npm package `world-atlas`, whose bytes are checked
against the hash below. What is left of it is one path in whole units of the map.
"""

import base64
import hashlib
import json
import math
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hoploom.manager.measures.projection import HEIGHT, WIDTH, point

PACKAGE = "world-atlas@2.0.2"
SHA512 = "IXfV0qwlKXpckz1FhwXVwKRjiIhOnWttOskm5CtxMsjgE/MXAYRHWJqgXOpM8IkcPBoXnyTU5lFHcYa5ChG0LQ=="
"""Its `integrity`, as npm's registry names it."""
FILE = Path(__file__).resolve().parents[1] / "services" / "hoploom" / "manager" / "static" / "world.svg"
LEAST_AREA = 12.0
"""Square units: smaller islands would be specks on a screen."""
_FORM = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
    "<!-- Natural Earth, 1:110m land, public domain; made by tests/world_outline.py -->"
    '<path id="land" d="{path}"/></svg>\n'
)
_HALF_TURN = 180.0
Place = tuple[int, int]


def land(topology: Mapping[str, Any]) -> Iterator[list[Place]]:
    """The rings of the land in whole units of the map.

    Args:
        topology: A TopoJSON document whose object `land` is of (multi)polygons.

    Source: TopoJSON 2.x specification, sections 2.1.3 (quantized, delta-encoded arcs) and 2.1.4 (reversed arcs).
    """
    scale, translate = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [list(_degrees(arc, scale, translate)) for arc in topology["arcs"]]
    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
        for ring in (ring for polygon in polygons for ring in polygon):
            yield from _beside(list(_rounded(_unrolled(_joined(arcs, ring)))))


def _degrees(
    arc: Iterable[Sequence[int]], scale: Sequence[float], translate: Sequence[float]
) -> Iterator[tuple[float, float]]:
    x, y = 0, 0
    for dx, dy in arc:
        x, y = x + dx, y + dy
        yield x * scale[0] + translate[0], y * scale[1] + translate[1]


def _joined(arcs: Sequence[Sequence[tuple[float, float]]], ring: Iterable[int]) -> Iterator[tuple[float, float]]:
    for index in ring:
        yield from arcs[index] if index >= 0 else reversed(arcs[~index])


def _unrolled(degrees: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The same places without a jump at the 180th meridian; longitudes may pass it."""
    turns, before = 0.0, None
    for longitude, latitude in degrees:
        if before is not None and abs(longitude - before) > _HALF_TURN:
            turns += math.copysign(2 * _HALF_TURN, before - longitude)
        before = longitude
        yield longitude + turns, latitude


def _beside(ring: list[Place]) -> Iterator[list[Place]]:
    """A ring, and again on the other side of the map where it leaves it; the rest is cut off by the `viewBox`."""
    if abs(ring[-1][0] - ring[0][0]) > WIDTH // 2:
        # Around a pole: closed along the map's edge.
        edge = HEIGHT if ring[0][1] > HEIGHT // 2 else 0
        ring = [*ring, (ring[-1][0], edge), (ring[0][0], edge)]
    for shift in (-WIDTH, 0, WIDTH):
        if any(0 < x + shift < WIDTH for x, _ in ring):
            yield [(x + shift, y) for x, y in ring]


def _rounded(degrees: Iterable[tuple[float, float]]) -> Iterator[Place]:
    before: Place | None = None
    for longitude, latitude in degrees:
        found = point(latitude, longitude)
        place = (round(found.x), round(found.y))
        if place != before:
            yield place
        before = place


def area(ring: Sequence[Place]) -> float:
    """The area of a ring in square units, by the shoelace formula."""
    following = [*ring[1:], *ring[:1]]
    return abs(sum(x * other_y - other_x * y for (x, y), (other_x, other_y) in zip(ring, following, strict=True))) / 2


def path(rings: Iterable[Sequence[Place]]) -> str:
    """The `d` of a path: each ring from its first point on by steps."""
    return "".join(_ring(ring) for ring in rings if area(ring) >= LEAST_AREA)


def _ring(ring: Sequence[Place]) -> str:
    (x, y), *rest = ring
    steps = [f"M{x} {y}l"]
    for step, (to_x, to_y) in enumerate(rest):
        dx, dy = f"{to_x - x}", f"{to_y - y}"
        steps.append(f"{'' if not step or dx.startswith('-') else ' '}{dx}{'' if dy.startswith('-') else ' '}{dy}")
        x, y = to_x, to_y
    return "".join(steps) + "z"


def fetched(folder: Path) -> Mapping[str, Any]:
    """The package's land, by npm's own client; raises SystemExit where it is other bytes than were looked at."""
    subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    archive = next(folder.glob("*.tgz"))
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != SHA512:
        raise SystemExit(f"{PACKAGE} is not what it was: its SHA-512 is another")
    with tarfile.open(archive) as files:
        member = files.extractfile("package/land-110m.json")
        assert member is not None, "a file, not a folder"
        found: Mapping[str, Any] = json.load(member)
    return found


def main() -> None:
    """Make the file."""
    with tempfile.TemporaryDirectory() as folder:
        rings = list(land(fetched(Path(folder))))
    text = _FORM.format(width=WIDTH, height=HEIGHT, path=path(rings))
    FILE.write_text(text, encoding="ascii")
    print(f"{FILE}: {len(text):,} bytes, {len(rings)} rings")


if __name__ == "__main__":
    main()
