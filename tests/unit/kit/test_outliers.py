"""Who is put out, and for how long."""

import pytest

from hoploom.kit.outliers import RULES, Standing, may_be_out


def _after(answers: str) -> Standing:
    """An instance that has answered (`.`) and failed (`x`) so."""
    standing = Standing()
    for each in answers:
        standing.note(RULES, failed=each == "x")
    return standing


OUTLIERS = [
    ("four failures in a row are none", "xxxx", 0.0, False),
    ("the fifth is one", "xxxxx", 0.0, True),
    ("a good answer begins the row anew", "xxxx.xxxx", 0.0, False),
    ("every second of a few requests", ".x" * 9, 0.0, False),
    ("every second of twenty", ".x" * 10, 0.0, True),
    ("every second, where the others fail as often", ".x" * 10, 0.5, False),
    ("every second, where the others fail half as often", ".x" * 10, 0.25, True),
    ("every fifth", "....x" * 10, 0.0, False),
    ("what was long ago is forgotten", ".x" * 10 + "." * 40, 0.0, False),
    ("failures in a row, where all fail", "xxxxx", 1.0, True),
]


@pytest.mark.parametrize(("_", "answers", "others", "expected"), OUTLIERS, ids=[each[0] for each in OUTLIERS])
def test_an_outlier_fails_in_a_row_or_far_more_than_the_others(
    _: str, answers: str, others: float, expected: bool
) -> None:
    assert _after(answers).is_outlier(others, RULES) is expected


def test_the_share_is_the_mean_at_first_and_follows_afterwards() -> None:
    assert _after("x.x.").share == pytest.approx(0.5)
    assert _after("." * 20 + "x").share == pytest.approx(1 / 20)


def test_each_time_out_is_twice_as_long_as_the_last_up_to_a_minute() -> None:
    standing, lengths = Standing(), []
    for _ in range(6):
        now_s = max(0.0, standing.until_s)
        standing.eject(now_s, 0.0, RULES)
        lengths.append(standing.until_s - now_s)
    assert lengths == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_chance_makes_it_longer_by_up_to_a_quarter() -> None:
    standing = Standing()
    standing.eject(100.0, 0.8, RULES)
    assert standing.until_s == pytest.approx(106.0)


@pytest.mark.parametrize(("in_for_s", "length_s"), [(59.0, 10.0), (61.0, 5.0)])
def test_who_was_in_for_long_begins_anew(in_for_s: float, length_s: float) -> None:
    standing = Standing()
    standing.eject(0.0, 0.0, RULES)
    standing.readmit(6.0)
    standing.eject(6.0 + in_for_s, 0.0, RULES)
    assert standing.until_s - 6.0 - in_for_s == pytest.approx(length_s)


def test_who_is_back_has_nothing_against_it() -> None:
    standing = _after("xxxxx")
    standing.eject(0.0, 0.0, RULES)
    standing.readmit(5.0)
    assert (standing.is_out, standing.in_a_row, standing.share, standing.requests) == (False, 0, 0.0, 0)


@pytest.mark.parametrize(("count", "most"), [(1, 0), (2, 1), (3, 1), (4, 2), (500, 250)])
def test_at_most_half_are_out(count: int, most: int) -> None:
    assert may_be_out(most, count, RULES)
    assert not may_be_out(most + 1, count, RULES)
