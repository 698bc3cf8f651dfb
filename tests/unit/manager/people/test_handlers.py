"""The HTTP API of people: for admins alone, and nobody signs in as somebody else."""

import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager import access
from hoploom.manager.access import Person
from hoploom.manager.app import make_app
from hoploom.manager.people.desk import DESK
from hoploom.manager.settings import Settings
from hoploom.wire.people import ROUTE, Role

GOOD = "correct horse battery staple"
PEOPLE = {role.word: Person(f"the-{role.word}", role, by="token") for role in Role}
Client = TestClient[web.Request, web.Application]
Call = Callable[..., Any]


@pytest.fixture
async def manager(tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[Client]:
    """A manager that takes the word for each role as a person's token."""
    token = tmp_path / "operator"
    token.write_text("the-mesh\n", encoding="utf-8")
    app = on_mesh(make_app(Settings(operator_token_file=str(token), development=True)), background=True)

    def whose(word: str) -> Person | None:
        return PEOPLE.get(word)

    app[access.TOKENS] = whose
    async with TestClient(TestServer(app)) as client:
        yield client


async def call(manager: Client, who: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {who}"} if who else {}
    answer = await manager.request(method, f"{ROUTE}{path}", json=body, headers=headers)
    return answer.status, await answer.json()


CALLS = [
    ("GET", "", None),
    ("POST", "/invites", {"v": 1, "name": "anna"}),
    ("POST", "/doors", {"v": 1}),
    ("PATCH", "/anna", {"v": 1, "role": "admin"}),
    ("DELETE", "/anna", None),
    ("POST", "/anna/sign-out", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_nobody_below_an_admin_may_ask(manager: Client, method: str, path: str, body: object) -> None:
    for who, status in (("", 401), ("wrong", 401), ("viewer", 403), ("operator", 403)):
        assert (await call(manager, who, method, path, body))[0] == status, who
    assert await manager.app[DESK].store.read() == {}


async def test_an_admin_may_not_sign_in_as_the_owner(manager: Client) -> None:
    status, answer = await call(manager, "admin", "POST", "/doors", {"v": 1})
    assert status == 403 and "the operators' token of the mesh" in answer["detail"]
    status, answer = await call(manager, "the-mesh", "POST", "/doors", {"v": 1})
    assert status == 200 and answer["path"] == f"enter#{answer['key']}"


async def test_a_key_is_in_its_answer_alone(manager: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer admin"}
    answer = await manager.post(f"{ROUTE}/invites", json={"v": 1, "name": "anna", "role": "admin"}, headers=headers)
    key = (await answer.json())["key"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "the-admin (admin): invite: anna as admin" in caplog.text
    assert key not in caplog.text and key not in str(await call(manager, "admin", "GET", ""))


async def test_what_an_admin_changes_is_changed(manager: Client) -> None:
    for name in ("root", "anna"):
        _, answer = await call(manager, "admin", "POST", "/invites", {"v": 1, "name": name, "role": "admin"})
        await manager.app[DESK].choose_password(answer["key"], GOOD)
    status, answer = await call(manager, "admin", "PATCH", "/anna", {"v": 1, "disabled": True})
    assert (status, answer["user"]["disabled"]) == (200, True)
    status, answer = await call(manager, "admin", "PATCH", "/root", {"v": 1, "role": "viewer"})
    assert status == 409 and "only admin" in answer["detail"]
    assert (await call(manager, "admin", "POST", "/anna/sign-out"))[0] == 200
    assert (await call(manager, "admin", "DELETE", "/anna"))[0] == 200
    assert [each["name"] for each in (await call(manager, "admin", "GET", ""))[1]["users"]] == ["root"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/invites", {"v": 1, "name": "Anna"}, 422),
        ("POST", "/invites", {"v": 1, "name": "anna", "role": "king"}, 422),
        ("POST", "/invites", {"v": 1, "name": "anna", "rol": "admin"}, 422),
        ("POST", "/invites", {"v": 1, "name": "anna", "valid_s": 10**9}, 422),
        ("POST", "/invites", {"v": 1, "name": "{{7*7}}"}, 422),
        ("POST", "/invites", {"v": 2, "name": "anna"}, 422),
        ("POST", "/invites", [], 400),
        ("PATCH", "/anna", {"v": 1}, 400),
        ("PATCH", "/anna", {"v": 1, "role": "admin", "disabled": False}, 400),
        ("PATCH", "/anna", {"v": 1, "role": "admin"}, 404),
        ("PATCH", "/%2e%2e%2fx", {"v": 1, "role": "admin"}, 404),
        ("DELETE", "/A", None, 404),
    ],
)
async def test_what_cannot_be_is_a_problem_and_changes_nothing(
    manager: Client, method: str, path: str, body: object, status: int
) -> None:
    found, answer = await call(manager, "admin", method, path, body)
    assert (found, answer["status"]) == (status, status), answer
    assert await manager.app[DESK].store.read() == {}
