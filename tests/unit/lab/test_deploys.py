"""A campaign goes on where one of its worlds does not do as it should."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from lab import deploys
from lab.deploys import World
from lab.deploys_outcome import Case, Outcome, Stretch
from lab.deploys_rounds import Rounds
from vegeta import Account, Sent


def account(count: int) -> Account:
    url = "http://127.0.0.1/orders"
    return Account(tuple(Sent(float(number), 0.01, "GET", url, 200, "", True, True) for number in range(count)))


def rolled(world: str, rounds: Rounds) -> Iterator[Outcome]:
    done = list(rounds)
    yield Outcome("a", f"{world} {len(done)}", Stretch(account(200)), Stretch(account(200)))


def breaks(world: str, rounds: Rounds) -> Iterator[Outcome]:
    raise AssertionError(f"{world} had nobody left")


@contextmanager
def good(folder: Path, per_s: float) -> Iterator[str]:
    assert folder.is_dir()
    yield f"{per_s:g}/s"


def bad(folder: Path, per_s: float) -> AbstractContextManager[str]:
    raise OSError("no port is free")


def test_each_case_is_a_line_and_the_rounds_follow_the_scale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deploys, "WORLDS", (World(good, {"a": Case(rolled, 10)}),))
    [outcome] = deploys.played(["a"], scale=0.3, per_s=50)
    assert outcome.what == "50/s 3"
    assert deploys.main(["--case", "a", "--rounds", "2"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["what"] == "200/s 2"


def test_a_world_that_cannot_be_made_and_a_case_that_breaks_off_do_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worlds = (
        World(bad, {"a": Case(rolled, 1)}),
        World(good, {"a": Case(rolled, 1), "b": Case(breaks, 1)}),
        World(good, {"a": Case(rolled, 1)}, lambda: "there is no namespace"),
    )
    monkeypatch.setattr(deploys, "WORLDS", worlds)
    found = [(each.case, each.broke, each.well) for each in deploys.played(["a", "b"])]
    assert found == [
        ("a", "OSError: no port is free", False),
        ("a", "", True),
        ("b", "AssertionError: 200/s had nobody left", False),
    ]
    assert deploys.main(["--case", "a"]) == 1
