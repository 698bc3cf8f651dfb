"""Where places stand on the map."""

import pytest

from hoploom.manager.measures.projection import HEIGHT, WIDTH, point


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        pytest.param(0.0, 0.0, (WIDTH / 2, HEIGHT / 2), id="the equator at Greenwich is the middle"),
        pytest.param(90.0, -180.0, (0, 0), id="the north-west corner"),
        pytest.param(-90.0, 180.0, (WIDTH, HEIGHT), id="the south-east corner"),
        pytest.param(61.5, 23.8, (1132.2, 158.3), id="Tampere lies up and to the right"),
    ],
)
def test_a_place_on_the_map(latitude: float, longitude: float, expected: tuple[float, float]) -> None:
    assert point(latitude, longitude) == pytest.approx(expected, abs=0.1)
