"""More than chance: seldom wrong however often it is asked, and soon right."""

import math
import random

import numpy as np
import pytest

from hoploom.deploying.gate import evidence
from hoploom.deploying.gate.evidence import is_above, upper


@pytest.mark.parametrize(
    ("hits", "of", "limit", "expected"),
    [
        (0, 0, 0.005, False),
        (1, 1, 0.005, False),
        (1, 10, 0.005, False),
        (3, 3, 0.005, True),
        (3, 100, 0.005, False),
        (10, 100, 0.005, True),
        (15, 500, 0.005, True),
        (5, 1_000, 0.005, False),
        (6, 1_000, 0.005, False),
        (200, 20_000, 0.005, True),
        (200, 100, 0.005, True),
        (99, 100, 0.96, False),
    ],
)
def test_a_share_is_above_a_limit_when_chance_alone_would_hardly_do_that(
    hits: float, of: float, limit: float, expected: bool
) -> None:
    assert is_above(hits, of, limit) is expected


def test_a_share_at_the_limit_is_hardly_ever_above_it_though_it_is_asked_at_every_request() -> None:
    chance, wrong = random.Random(20_261_122), 0
    for _ in range(300):
        hits = 0
        for of in range(1, 500):
            hits += chance.random() < 0.05
            if is_above(hits, of, 0.05):
                wrong += 1
                break
    # 1 in 20,000 is what is promised, over all 500 looks of each.
    assert wrong == 0


def test_a_usual_test_that_is_asked_at_every_request_is_wrong_far_more_often_than_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance, limit, looks = 0.01, 0.05, range(1, 301)
    monkeypatch.setattr(evidence, "CHANCE", chance)
    usual = [next(hits for hits in range(of + 2) if _tail(hits, of, limit) <= chance) for of in looks]
    ours = [next((hits for hits in range(of + 1) if is_above(hits, of, limit)), of + 1) for of in looks]
    drawn = np.random.default_rng(20_261_122).random((4_000, len(looks))) < limit
    wrong_usual, wrong_ours = ((drawn.cumsum(1) >= least).any(1).mean() for least in (usual, ours))
    assert wrong_usual > 4 * chance
    assert wrong_ours <= chance


def _tail(hits: int, of: int, share: float) -> float:
    """How probable so many or more are."""
    below = sum(math.comb(of, each) * share**each * (1 - share) ** (of - each) for each in range(hits))
    return 1 - below


@pytest.mark.parametrize(
    ("hits", "of", "expected"),
    [(0, 0, 0.0), (0, 100, 0.0982), (20, 1_000, 0.0406), (1_000, 1_000, 1.0)],
)
def test_a_share_may_well_be_a_little_more_than_was_counted(hits: float, of: float, expected: float) -> None:
    assert upper(hits, of) == pytest.approx(expected, abs=5e-4)
