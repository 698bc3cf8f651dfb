"""Blocking queries: the index rules, and what a failed read does."""

from collections.abc import Sequence

import pytest

from hoploom.kit import watch
from hoploom.kit.errors import Unavailable

INDEXES = [
    ("grows", 5, 9, 9),
    ("stays", 5, 5, 5),
    ("falls: the servers were restored, begin again", 9, 5, 0),
    ("is 0: never ask with 0 for ever, that would not wait", 0, 0, 1),
]


@pytest.mark.parametrize(("what", "known", "found", "following"), INDEXES, ids=[each[0] for each in INDEXES])
def test_the_index(what: str, known: int, found: int, following: int) -> None:
    assert watch.next_index(known, found) == following


def test_pauses_grow_to_a_limit_and_are_spread() -> None:
    assert [watch.pause_s(failures, 0.0) for failures in range(6)] == [0.125, 0.25, 0.5, 1.0, 2.0, 2.5]
    assert watch.pause_s(0, 0.99) > watch.pause_s(0, 0.0)
    assert watch.pause_s(50, 0.99) <= 5.0


class EndOfScript(Exception):
    """The scripted reads are used up."""


class Script:
    """Answers reads from a list, and remembers the indexes that were asked with."""

    def __init__(self, answers: Sequence[tuple[int, str] | Unavailable]) -> None:
        self._answers, self.asked = list(answers), list[int]()

    async def read(self, index: int) -> tuple[int, str]:
        self.asked.append(index)
        if not self._answers:
            raise EndOfScript
        answer = self._answers.pop(0)
        if isinstance(answer, Unavailable):
            raise answer
        return answer


AWAY = Unavailable("away")
FOLLOWED: list[tuple[str, list[tuple[int, str] | Unavailable], list[int], list[str]]] = [
    ("begins with 0 and goes on with what it found", [(7, "a"), (9, "b")], [0, 7, 9], ["a", "b"]),
    ("begins again when the index falls", [(7, "a"), (3, "b"), (3, "b")], [0, 7, 0, 3], ["a", "b", "b"]),
    ("a failed read teaches nothing and begins again", [(7, "a"), AWAY, AWAY, (8, "b")], [0, 7, 0, 0, 8], ["a", "b"]),
]


@pytest.mark.parametrize(("what", "answers", "asked", "learned"), FOLLOWED, ids=[each[0] for each in FOLLOWED])
async def test_follow(
    what: str,
    answers: list[tuple[int, str] | Unavailable],
    asked: list[int],
    learned: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "_FIRST_PAUSE_S", 0.0)
    script, states = Script(answers), list[str]()
    with pytest.raises(EndOfScript):
        await watch.follow("letters", script.read, states.append)
    assert script.asked == asked
    assert states == learned


async def test_an_outage_is_said_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(watch, "_FIRST_PAUSE_S", 0.0)
    with pytest.raises(EndOfScript):
        await watch.follow("letters", Script([AWAY, AWAY, AWAY]).read, lambda _: None)
    assert [record.getMessage() for record in caplog.records] == ["letters: last known state is kept: away"]
