"""A campaign that is followed: who could not probe it, and what became of it."""

from typing import Any, cast

import pytest

from hoploom.cli import following
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import Answer
from hoploom.local import view
from hoploom.local.mesh import LocalMesh
from hoploom.prober.privileges import LOOPBACK_ONLY


class Mesh:
    """A mesh whose manager gives one answer."""

    fabio_url, secrets = "http://127.0.0.1:1", {"operator": "a-token"}

    def __init__(self, status: int = 200, body: bytes = b"{}") -> None:
        self.http, self._answer = self, Answer(status, body)

    async def request(self, *_: object, **__: object) -> Answer:
        return self._answer


def mesh(status: int = 200, body: bytes = b"{}") -> LocalMesh:
    return cast(LocalMesh, Mesh(status, body))


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
    with pytest.raises(Unavailable, match="no summary: away"):
        await following.summary(mesh(404, b'{"detail": "away"}'), "demo")
