"""The outline of the world: what is committed, and how TopoJSON becomes a path."""

import re

import pytest

import world_outline
from hoploom.manager.measures.projection import HEIGHT, WIDTH

MOST_BYTES = 40_000


def topology(*arcs: list[list[int]], ring: list[int]) -> dict[str, object]:
    """A TopoJSON document in whole degrees from (-180, -90) on."""
    return {
        "transform": {"scale": [1, 1], "translate": [-180, -90]},
        "arcs": list(arcs),
        "objects": {"land": {"geometries": [{"type": "Polygon", "arcs": [ring]}]}},
    }


def test_what_is_committed_is_one_small_path_inside_the_map() -> None:
    text = world_outline.FILE.read_text(encoding="ascii")
    assert len(text) <= MOST_BYTES
    assert f'viewBox="0 0 {WIDTH} {HEIGHT}"' in text
    found = re.search(r'<path id="land" d="([M0-9lz -]+)"/>', text)
    assert found and found[1].count("z") > 100
    assert "<script" not in text


def test_a_ring_joins_its_arcs_and_turns_those_that_are_marked() -> None:
    square = topology([[180, 90], [36, 0], [0, 18]], [[180, 90], [0, 18], [36, 0]], ring=[0, -2])
    (ring,) = world_outline.land(square)
    assert ring == [(1000, 500), (1200, 500), (1200, 400), (1000, 400), (1000, 500)]


def test_land_over_the_180th_meridian_stands_on_both_sides() -> None:
    fiji = topology([[358, 70], [-356, 0], [0, 4], [356, 0], [0, -4]], ring=[0])
    rings = list(world_outline.land(fiji))
    assert [min(x for x, _ in ring) for ring in rings] == [-11, 1989]
    assert all(max(x for x, _ in ring) - min(x for x, _ in ring) == 22 for ring in rings)


def test_land_around_a_pole_ends_at_the_edge_of_the_map() -> None:
    arc = [[0, 10], [90, 0], [90, 0], [90, 0], [80, 0]]
    rings = list(world_outline.land(topology(arc, ring=[0])))
    assert any((0, HEIGHT) in ring for ring in rings)


@pytest.mark.parametrize(
    ("ring", "expected"),
    [
        pytest.param([(10, 10), (20, 10), (20, 20)], "M10 10l10 0 0 10z", id="steps from the first point"),
        pytest.param([(10, 10), (5, 5), (30, 0)], "M10 10l-5-5 25-5z", id="a minus needs no space before it"),
        pytest.param([(1, 1), (2, 1), (2, 2)], "", id="a speck is left out"),
    ],
)
def test_a_path(ring: list[tuple[int, int]], expected: str) -> None:
    assert world_outline.path([ring]) == expected
