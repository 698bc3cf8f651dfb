"""People's tokens at a manager: who may make them, what they are worth, and when they end."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.people.kv_users import PREFIX
from hoploom.manager.people.store import USERS
from hoploom.manager.people.users import User, packed
from hoploom.manager.settings import Settings
from hoploom.trust.people import PEOPLE
from hoploom.wire.people import Role
from waiting import eventually

OPERATOR = "operator-token"
ROUTE = "/api/v1/tokens"
Client = TestClient[web.Request, web.Application]


async def enter(consul: FakeConsul, name: str, role: Role, *, disabled: bool = False) -> None:
    await consul.kv_put(f"{PREFIX}{name}", packed(User(name=name, role=role, disabled=disabled)))


@pytest.fixture(name="client")
async def _client(
    tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    for pace in ("hoploom.trust.people.PACE_S", "hoploom.manager.tokens.attaching.LOOK_EVERY_S"):
        monkeypatch.setattr(pace, 0.01)
    (tmp_path / "operator").write_text(OPERATOR)
    for role in Role:
        await enter(fake_consul, f"a-{role.word}", role)
    app = make_app(Settings(operator_token_file=str(tmp_path / "operator"), fabio_addr="http://127.0.0.1:1"))
    async with TestClient(TestServer(on_mesh(app, background=True))) as client:

        async def known() -> bool:
            return app[USERS]._known is not None and app[PEOPLE]._known is not None  # type: ignore[attr-defined]

        await eventually("people and tokens are known", known)
        yield client


async def asked(client: Client, method: str, path: str, token: str, wish: Any = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with client.request(method, path, headers=headers, json=wish) as answer:
        return answer.status, await answer.json(content_type=None)


async def made(client: Client, user: str, role: str = "", **wish: Any) -> str:
    """The text of a new token, once its manager knows it."""
    wanted = {"v": 1, "name": "ci", "user": user, "role": role, **wish}
    status, found = await asked(client, "POST", ROUTE, OPERATOR, wanted)
    assert status == 201, found

    async def good() -> bool:
        return (await asked(client, "GET", ROUTE, found["token"]))[0] == 200

    await eventually("the token is good", good)
    return str(found["token"])


async def test_a_token_is_who_made_it_and_sees_its_own_tokens(client: Client) -> None:
    viewer, admin = await made(client, "a-viewer"), await made(client, "a-admin")
    assert viewer.startswith("hlt_") and len(viewer) >= 4 + 22
    assert [each["user"] for each in (await asked(client, "GET", ROUTE, viewer))[1]["tokens"]] == ["a-viewer"]
    assert len((await asked(client, "GET", ROUTE, admin))[1]["tokens"]) == 2
    assert viewer not in str(await asked(client, "GET", ROUTE, OPERATOR))


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({"user": "a-viewer", "role": "admin"}, 403, "can have no token of a admin"),
        ({"user": "nobody"}, 404, "no user nobody"),
        ({"user": "a-viewer", "role": "god"}, 422, "a role is"),
        ({"user": "a-viewer", "name": "  "}, 422, "what the token is for"),
        ({"user": "a-viewer", "name": "x" * 61}, 422, "at most 60"),
        ({"user": "a-viewer", "days": 0}, 422, "days"),
        ({"user": "a-viewer", "days": 367}, 422, "days"),
        ({"user": "a-viewer", "more": 1}, 422, "no field"),
    ],
)
async def test_a_wish_that_will_not_do_is_refused(client: Client, wish: Any, status: int, words: str) -> None:
    found, answer = await asked(client, "POST", ROUTE, OPERATOR, {"v": 1, "name": "ci", **wish})
    assert (found, words in answer["detail"]) == (status, True), answer


async def test_a_token_makes_no_tokens(client: Client) -> None:
    token = await made(client, "a-admin")
    status, answer = await asked(client, "POST", ROUTE, token, {"v": 1, "name": "more"})
    assert status == 403 and "makes no tokens" in answer["detail"]


async def test_a_token_of_a_lower_role_does_not_reach_where_its_owner_may(client: Client) -> None:
    token = await made(client, "a-admin", "viewer")
    assert (await asked(client, "GET", ROUTE, token))[1]["tokens"][0]["role"] == "viewer"
    assert (await asked(client, "GET", "/api/v1/workers", token))[0] == 403
    assert (await asked(client, "GET", "/api/v1/users", token))[0] == 403


async def test_two_of_one_name_and_too_many_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await made(client, "a-viewer")
    status, answer = await asked(client, "POST", ROUTE, OPERATOR, {"v": 1, "name": "ci", "user": "a-viewer"})
    assert status == 409 and "already" in answer["detail"]
    monkeypatch.setattr("hoploom.manager.tokens.book.MOST", 1)
    status, answer = await asked(client, "POST", ROUTE, OPERATOR, {"v": 1, "name": "b", "user": "a-viewer"})
    assert status == 409 and "token rm" in answer["detail"]


async def test_one_removes_his_own_and_an_admin_anybodys(client: Client) -> None:
    viewer, other = await made(client, "a-viewer"), await made(client, "a-operator")
    [own] = (await asked(client, "GET", ROUTE, viewer))[1]["tokens"]
    assert (await asked(client, "DELETE", f"{ROUTE}/{own['id']}", other))[0] == 404
    assert (await asked(client, "DELETE", f"{ROUTE}/{own['id']}", viewer))[0] == 200
    await refused(client, viewer)
    [left] = (await asked(client, "GET", ROUTE, OPERATOR))[1]["tokens"]
    assert (await asked(client, "DELETE", f"{ROUTE}/{left['id']}", OPERATOR))[0] == 200
    await refused(client, other)


async def refused(client: Client, token: str) -> None:
    async def is_refused() -> bool:
        return (await asked(client, "GET", ROUTE, token))[0] == 401

    await eventually("the token is refused", is_refused)


@pytest.mark.parametrize("becomes", ["disabled", "a viewer", "nobody"])
async def test_who_may_do_less_loses_the_tokens_that_do_more_everywhere(
    client: Client, fake_consul: FakeConsul, becomes: str
) -> None:
    token = await made(client, "a-operator")
    if becomes == "nobody":
        await fake_consul.kv_delete(f"{PREFIX}a-operator")
    else:
        role = Role.VIEWER if becomes == "a viewer" else Role.OPERATOR
        await enter(fake_consul, "a-operator", role, disabled=becomes == "disabled")
    await refused(client, token)

    async def gone() -> bool:
        return not await fake_consul.kv_list("hoploom/tokens/")

    # The record itself: by it input and output believe.
    await eventually("the token's record is gone", gone)
