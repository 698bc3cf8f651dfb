"""Shades of a matrix."""

import pytest

from hoploom.manager.measures import shades


@pytest.mark.parametrize(
    ("rtt_us", "expected"),
    [(None, "shade-none"), (0.0, "shade-0"), (999.0, "shade-0"), (1000.0, "shade-1"), (150_000.0, "shade-5"),
     (9e9, "shade-7")],
)  # fmt: skip
def test_longer_is_darker(rtt_us: float | None, expected: str) -> None:
    assert shades.rtt(rtt_us) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [(None, "shade-none"), (0.0, "loss-0"), (0.01, "loss-2"), (0.3, "loss-4"), (1.0, "loss-6")],
)
def test_more_lost_is_darker(part: float | None, expected: str) -> None:
    assert shades.loss(part) == expected
