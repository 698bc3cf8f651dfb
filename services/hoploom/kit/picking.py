"""Which instance is asked next: the one that owes the fewest answers, so far as whoever asks knows. Pure.

Nobody else's load is known here, only the own requests that are still out. That is enough: who is slow keeps requests
longer and is asked less, and who hangs is asked no more than the busiest of the others. The chance comes in as an
argument, so that a simulation can repeat it.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

SCAN_MOST = 8
"""Up to so many are all looked at, which is the best choice there is; of more, two drawn at random are compared.

Source: Mitzenmacher 2001, "The Power of Two Choices in Randomized Load Balancing": the fullest is then exponentially
less full than with one draw, and a look costs the same however many there are. Envoy's least-request balancer does so.
"""

WARM_S = 10.0
"""Who has just come has empty caches and no connections, and owes nothing: it would be asked by everybody at once.

So it takes part in a part of the draws alone, which grows with its age. Source: Envoy, "Slow start mode".
"""

LEAST_PART = 0.1
"""Who takes part in nothing never warms up. Source: Envoy, `min_weight_percent`."""


class Busy(Protocol):
    """Whoever can be picked.

    Attributes:
        outstanding: Requests that it has not answered.
        warm_s: Time from which on it is as good as the others.
    """

    outstanding: int
    warm_s: float


B = TypeVar("B", bound=Busy)


def least(those: Sequence[B], now_s: float, chance: Callable[[], float]) -> B:
    """The one to ask: of those that were drawn, one with the fewest outstanding; chance decides among equals.

    Args:
        those: At least one.
        now_s: Time, by the clock of `warm_s`.
        chance: Gives numbers in [0, 1).
    """
    drawn = those if len(those) <= SCAN_MOST else _two(those, chance)
    # Where all have just come, nobody else could be asked.
    drawn = [each for each in drawn if each.warm_s <= now_s or takes_part(each, now_s, chance)] or drawn
    found, equals = drawn[0], 0
    for each in drawn:
        if each.outstanding < found.outstanding:
            found, equals = each, 1
        elif each.outstanding == found.outstanding:
            equals += 1
            # Each of so many equals has the same chance in the end (Waterman's reservoir; Knuth, TAOCP 2, 3.4.2).
            if chance() * equals < 1:
                found = each
    return found


def takes_part(one: Busy, now_s: float, chance: Callable[[], float]) -> bool:
    """Whether this draw is open to one that is not warm yet: with a probability that grows to one."""
    return chance() < max(LEAST_PART, 1 - (one.warm_s - now_s) / WARM_S)


def _two(those: Sequence[B], chance: Callable[[], float]) -> tuple[B, B]:
    first, second = int(chance() * len(those)), int(chance() * (len(those) - 1))
    return those[first], those[second + (second >= first)]
