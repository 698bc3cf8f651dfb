"""A campaign that is followed: who could not probe it, and what became of it."""

import json
from typing import Any, cast

import pytest

from hoploom.cli import following
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.http_client import Answer
from hoploom.local import view
from hoploom.local.mesh import LocalMesh
from hoploom.prober.privileges import LOOPBACK_ONLY


class Mesh:
    """A mesh whose manager gives these answers, the last one for ever."""

    fabio_url, secrets = "http://127.0.0.1:1", {"operator": "a-token"}

    def __init__(self, *answers: Answer | Unavailable) -> None:
        self.http, self._answers = self, list(answers)

    async def request(self, *_: object, **__: object) -> Answer:
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(found, Unavailable):
            raise found
        return found


def mesh(status: int = 200, body: bytes = b"{}") -> LocalMesh:
    return answering(Answer(status, body))


def answering(*answers: Answer | Unavailable) -> LocalMesh:
    return cast(LocalMesh, Mesh(*answers))


def told(targets: int) -> Answer:
    """Of a campaign with five targets done, a summary that tells of so many."""
    summed = {"a": {"targets": targets, "answered": targets}} if targets else {}
    return Answer(200, json.dumps({"groups": {"a": {"done": 5}}, "summary": summed}).encode())


def worker(health: str, note: str) -> dict[str, Any]:
    return {"service": "ping", "health": health, "note": note}


@pytest.mark.parametrize(
    ("workers", "beyond_loopback", "said"),
    [
        ([], False, "no worker can probe: none is registered"),
        ([worker("critical", "no socket")], False, "no worker can probe: no socket"),
        ([worker("passing", LOOPBACK_ONLY)], True, "no worker can probe more than loopback here"),
        ([worker("passing", LOOPBACK_ONLY)], False, ""),
        ([worker("critical", "no socket"), worker("passing", "")], True, ""),
    ],
)
async def test_who_cannot_probe_is_said_before_anybody_waits(
    workers: list[dict[str, Any]], beyond_loopback: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(_: object) -> dict[str, Any]:
        return {"instances": workers}

    monkeypatch.setattr(view, "look", look)
    if not said:
        await following.require_workers(mesh(), beyond_loopback=beyond_loopback)
        return
    with pytest.raises(Unavailable, match=said):
        await following.require_workers(mesh(), beyond_loopback=beyond_loopback)


async def test_the_sums_are_of_all_groups_and_of_what_a_manager_knows() -> None:
    body = b'{"summary": {"a": {"answered": 3, "lost": 1}, "b": {"answered": 2, "lost": 0, "hops": 7}}}'
    found = await following.summary(mesh(body=body), "demo")
    assert (found["answered"], found["lost"], found["hops"], found["failed"]) == (5, 1, 7, 0)
    with pytest.raises(BadRequest, match="no summary: away"):
        await following.summary(mesh(404, b'{"detail": "away"}'), "demo")


@pytest.mark.parametrize("before", [told(0), told(4), Unavailable("an output does not answer")])
async def test_sums_are_asked_for_again_until_they_tell_of_all_that_is_done(before: Answer | Unavailable) -> None:
    assert (await following.summary(answering(before, told(5)), "demo"))["answered"] == 5


async def test_after_a_while_they_are_taken_as_they_are_and_what_lacks_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(following, "_WHOLE_S", 0.0)
    assert (await following.summary(mesh(body=told(3).body), "demo"))["answered"] == 3
    assert "2 targets more are done" in capsys.readouterr().err
    with pytest.raises(Unavailable, match="away"):
        await following.summary(answering(Unavailable("away")), "demo")
