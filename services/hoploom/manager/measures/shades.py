"""How dark a cell of a matrix is: a class of the style sheet, beside the figure that says the same. Pure.

Limits are absolute, so that a shade means the same on every page and at every time.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

RTT_LIMITS_MS: Final[tuple[float, ...]] = (1.0, 5.0, 20.0, 50.0, 100.0, 200.0, 400.0)
"""A room, a city, a country, a continent, an ocean, half the world, a satellite."""

LOSS_LIMITS: Final[tuple[float, ...]] = (0.0001, 0.01, 0.05, 0.2, 0.5, 0.9)
"""Shares of requests: none but a few of ten thousand, then what is noticed, disturbs and makes a path useless."""

NONE: Final = "shade-none"


def rtt(rtt_us: float | None) -> str:
    """The shade of a round-trip time; `NONE` where nothing answered."""
    return NONE if rtt_us is None else f"shade-{bisect_right(RTT_LIMITS_MS, rtt_us / 1000)}"


def loss(part: float | None) -> str:
    """The shade of a loss, 0 to 1; `NONE` where nothing was sent."""
    return NONE if part is None else f"loss-{bisect_right(LOSS_LIMITS, part)}"


def legend(*, is_loss: bool) -> list[tuple[str, str]]:
    """Each shade with what it means, in words."""
    if is_loss:
        limits, name, words = LOSS_LIMITS, "loss", [f"{100 * each:g} %" for each in LOSS_LIMITS]
    else:
        limits, name, words = RTT_LIMITS_MS, "shade", [f"{each:g} ms" for each in RTT_LIMITS_MS]
    below = [(f"{name}-{number}", f"under {word}") for number, word in enumerate(words)]
    return [*below, (f"{name}-{len(limits)}", f"{words[-1]} and more")]
