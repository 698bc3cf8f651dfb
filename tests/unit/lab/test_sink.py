"""The lab's own resource refuses old tokens; with its fence off it does not."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from lab.check_leadership import effects_of, fallen_back
from lab.history import Recorder, Token, read
from lab.sink import Fence, Sink


@pytest.mark.parametrize(
    ("tokens", "admitted"),
    [
        ([(0, 5), (0, 5), (0, 7)], [True, True, True]),
        ([(0, 7), (0, 5), (0, 7)], [True, False, True]),
        ([(0, 9), (1, 2), (0, 10)], [True, True, False]),
    ],
)
def test_a_fence_admits_no_token_older_than_one_it_saw(tokens: list[tuple[int, int]], admitted: list[bool]) -> None:
    fence = Fence()
    assert [fence.admits("r", Token(*each)) for each in tokens] == admitted


def test_a_fence_keeps_roles_apart() -> None:
    fence = Fence()
    assert fence.admits("r", Token(0, 7))
    assert fence.admits("q", Token(0, 5))


def posted(url: str, index: int) -> int:
    body = json.dumps({"role": "r", "token": f"0.{index}", "proc": "a", "boot": 1}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize(("fenced", "statuses", "wrong"), [(True, [200, 409, 200], 0), (False, [200, 200, 200], 1)])
def test_the_sink_records_what_it_took_and_what_it_refused(
    tmp_path: Path, fenced: bool, statuses: list[int], wrong: int
) -> None:
    path = tmp_path / "history"
    with Recorder(path, "sink") as recorder, Sink(recorder, fenced=fenced) as sink:
        assert [posted(f"http://127.0.0.1:{sink.port}/", index) for index in (7, 5, 7)] == statuses
    effects = effects_of(read(path), "sink")
    assert [each.order for each in effects] == [0, 1, 2]
    assert len(fallen_back(effects)) == wrong
