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
P = TypeVar("P")


def least(those: Sequence[B], now_s: float, chance: Callable[[], float]) -> B:
    """The one to ask: of those that were drawn, one with the fewest outstanding; chance decides among equals.

    Args:
        those: At least one.
        now_s: Time, by the clock of `warm_s`.
        chance: Gives numbers in [0, 1).
    """
    drawn = those if len(those) <= SCAN_MOST else _two(those, chance)
    # Where all have just come, nobody else could be asked.
    return _idlest([each for each in drawn if each.warm_s <= now_s or takes_part(each, now_s, chance)] or drawn, chance)


def least_warm(those: Sequence[B], chance: Callable[[], float]) -> B:
    """As `least`, of those that are all warm: what most requests meet."""
    return _idlest(those if len(those) <= SCAN_MOST else _two(those, chance), chance)


def part(those: Sequence[tuple[float, P]], chance: Callable[[], float]) -> P:
    """The part of a service whose turn it is, by the parts' shares; at random, as each of many callers asks little.

    Args:
        those: Each part's share, all above 0, with the part; at least one.
        chance: Gives numbers in [0, 1).
    """
    left = chance() * sum(share for share, _ in those)
    for share, found in those:
        left -= share
        if left < 0:
            return found
    return those[-1][1]


def _idlest(those: Sequence[B], chance: Callable[[], float]) -> B:
    open_now = [each.outstanding for each in those]
    fewest = min(open_now)
    equals = open_now.count(fewest)
    at = open_now.index(fewest)
    if equals > 1:
        # One draw, in which each of the equals has the same chance: so many of them are passed by.
        for _ in range(int(chance() * equals)):
            at = open_now.index(fewest, at + 1)
    return those[at]


def takes_part(one: Busy, now_s: float, chance: Callable[[], float]) -> bool:
    """Whether this draw is open to one that is not warm yet: with a probability that grows to one."""
    return chance() < max(LEAST_PART, 1 - (one.warm_s - now_s) / WARM_S)


def _two(those: Sequence[B], chance: Callable[[], float]) -> tuple[B, B]:
    first, second = int(chance() * len(those)), int(chance() * (len(those) - 1))
    return those[first], those[second + (second >= first)]
