"""Is that more than chance? A test that may be looked at as often as one likes. Pure.

Whether a share of `n` requests is above a limit is asked anew at each look, every second or two. A usual test, asked so
often, is wrong far more often than it says. This one is a test martingale: the likelihood of what was seen under some
higher shares, against that under the limit. While the true share is at or below the limit it ever exceeds 1 / CHANCE
with a probability of CHANCE at most, over all looks together.

Source: Ville 1939; Wald 1945, "Sequential tests of statistical hypotheses"; Robbins 1970, "Statistical methods related
to the law of the iterated logarithm" (mixtures).
"""

import math

CHANCE = 5e-5
"""A gate has two tests and a deploy some eight gates (four weights in two datacenters): under 1 of 1,000 together."""

_WORSE = (2.0, 6.0, 20.0, 100.0)
"""Higher shares that are weighed, as multiples of the limit: a slight fault, a usual one, a grave one, a broken one."""
_MOST = 0.95
_Z = 3.3
"""Where the old version itself is over the limit; with 1.645 (95 %) 7 of 3,000 good versions were taken back then."""


def is_above(hits: float, of: float, limit: float) -> bool:
    """Whether such a share is above a limit by more than chance.

    Args:
        hits: How many of them.
        of: How many there were.
        limit: The share that may be, 0 < limit < 1.
    """
    if of <= 0 or hits <= limit * of:
        return False
    hits = min(hits, of)
    odds = [_log_ratio(hits, of, limit, min(_MOST, limit * times)) for times in _WORSE if limit < _MOST]
    return bool(odds) and _log_mean(odds) >= -math.log(CHANCE)


def upper(hits: float, of: float) -> float:
    """The share that it may well be: the upper bound of the interval that holds 99.95 % on this side.

    Source: Wilson 1927 (score interval).
    """
    if of <= 0:
        return 0.0
    share, z2 = min(1.0, hits / of), _Z * _Z
    middle = share + z2 / (2 * of)
    spread = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return min(1.0, (middle + spread) / (1 + z2 / of))


def _log_ratio(hits: float, of: float, limit: float, worse: float) -> float:
    return hits * math.log(worse / limit) + (of - hits) * (math.log1p(-worse) - math.log1p(-limit))


def _log_mean(each: list[float]) -> float:
    most = max(each)
    return most + math.log(sum(math.exp(one - most) for one in each) / len(each))
