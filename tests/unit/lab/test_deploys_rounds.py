"""Rounds end when there are no more, or no time for another one."""

import pytest

from lab.deploys_rounds import Rounds


def test_there_are_so_many_and_each_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = Rounds(3, 60)
    assert list(rounds) == [0, 1, 2]
    assert rounds.times == "3 times"
    assert [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()] == [
        "  round 1 of 3, after 0 s", "  round 2 of 3, after 0 s", "  round 3 of 3, after 0 s",
    ]  # fmt: skip


def test_none_begins_after_its_time_but_the_first() -> None:
    rounds = Rounds(10, -1)
    assert list(rounds) == [0]
    assert rounds.times == "1 times of 10, for want of time"


def test_they_can_be_gone_through_again() -> None:
    rounds = Rounds(2, 60)
    assert [list(rounds), list(rounds)] == [[0, 1], [0, 1]]
