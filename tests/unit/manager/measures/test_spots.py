"""Who stands where on the map."""

import pytest

from hoploom.manager.measures import spots
from hoploom.manager.measures.projection import point
from hoploom.manager.measures.spots import Standing
from hoploom.wire.rollup import Place


def at(name: str, latitude: float | None, longitude: float | None, state: str = "passing") -> Standing:
    return Standing(name, state, "", latitude, longitude)


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        pytest.param([], [], id="nobody"),
        pytest.param([at("a", None, None), at("b", 1.0, None)], [], id="without a place nobody is on the map"),
        pytest.param([at("a", 60.0, 24.0), at("b", 60.0, 24.0)], [("passing", ["a", "b"])], id="neighbours are one"),
        pytest.param(
            [at("a", 60.0, 24.0), at("b", 60.0, 24.0, "silent")], [("silent", ["b", "a"])], id="the worst counts"
        ),
        pytest.param(
            [at("a", 60.0, 24.0, "critical"), at("b", -33.0, 151.0)],
            [("passing", ["b"]), ("critical", ["a"])],
            id="trouble is drawn last and lies on top",
        ),
    ],
)
def test_spots(workers: list[Standing], expected: list[tuple[str, list[str]]]) -> None:
    found = spots.spots(workers)
    assert [(each.state, [one.name for one in each.workers]) for each in found] == expected


def test_a_spot_of_many_names_a_few() -> None:
    (found,) = spots.spots([at(f"w{number:03}", 1.0, 1.0) for number in range(500)])
    assert found.title.startswith("w000: passing; ") and found.title.endswith("and 492 more")


def test_a_spot_stands_in_the_middle_of_its_workers() -> None:
    (found,) = spots.spots([at("a", 0.4, 0.4), at("b", 0.8, 0.8)])
    assert found.at == pytest.approx(point(0.6, 0.6), abs=0.1)


def test_circles_grow_with_targets_and_the_largest_is_drawn_first() -> None:
    places = [
        Place(campaign=1, country="FI", latitude=60, longitude=24, targets=targets, answered=targets // 2)
        for targets in (1, 1000, 10)
    ]
    found = spots.circles(places)
    assert [each.radius for each in found] == sorted((each.radius for each in found), reverse=True)
    assert found[0].title == "FI: 1,000 targets, 50% answered"
    assert found[0].at == pytest.approx(point(60.5, 24.5), abs=0.1)


def test_a_place_at_the_edge_of_the_world_stays_on_it() -> None:
    (found,) = spots.circles([Place(campaign=1, country="", latitude=90, longitude=180, targets=0, answered=0)])
    assert (found.at.x, found.at.y, found.share) == (2000.0, 0.0, 0.0)
