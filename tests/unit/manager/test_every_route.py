"""Every route of a manager, asked by everybody who may not use it: security list, line 16."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role
from people_made import signed_in

Manager = TestClient[web.Request, web.Application]
PAGE, PROGRAM = "text/html", "application/json"
OPEN = {
    # What tells of an instance, what anybody needs before there is a session, and what asks workers for their own keys.
    "/health", "/ready", "/routed", "/load", "/metrics", "/static", "/sign-in", "/enter", "/enter/key",
    "/enter/password", "/openapi.json", "/join", "/archives/{name}", "/broker", "/managers", "/ads", "/push",
    "/api/v1/workers/challenge", "/api/v1/workers/enrol", "/api/v1/workers/leave", "/api/v1/workers/renew",
    "/gateway{path}", "/{path}",
}  # fmt: skip


@pytest.fixture
async def manager(on_mesh: OnMesh) -> AsyncIterator[Manager]:
    """As on hosts, where not everybody may read."""
    app = make_app(Settings(fabio_addr="http://127.0.0.1:1", development=True, open_reading=False))
    async with TestClient(TestServer(on_mesh(app))) as client:
        yield client


def guarded(manager: Manager) -> list[tuple[str, str]]:
    """Method and path of each route that is not open, with something in each place of the path."""
    known = [(each.method, each.resource.canonical) for each in manager.app.router.routes() if each.resource]
    named = [(method, path.replace("{act}", "pause")) for method, path in known if path not in OPEN]
    return [(method, re.sub(r"\{[a-z]+\}", "x", path)) for method, path in named]


async def told(manager: Manager, method: str, path: str, headers: dict[str, str]) -> int:
    async with manager.request(method, path, headers=headers, allow_redirects=False) as answer:
        return answer.status


@pytest.mark.parametrize(("accept", "answers"), [(PAGE, {303, 401}), (PROGRAM, {401})], ids=["a browser", "a program"])
async def test_nobody_gets_nothing_of_what_is_not_open(manager: Manager, accept: str, answers: set[int]) -> None:
    asked = guarded(manager)
    found = {each: await told(manager, *each, {"Accept": accept}) for each in asked}
    assert len(found) > 60
    assert {each: status for each, status in found.items() if status not in answers} == {}


@pytest.mark.parametrize(("role", "least"), [(Role.VIEWER, 20), (Role.OPERATOR, 9)], ids=["a viewer", "an operator"])
async def test_who_may_less_changes_nothing_that_is_for_others(
    manager: Manager, fake_consul: FakeConsul, role: Role, least: int
) -> None:
    less, all_ = await signed_in(fake_consul, role), await signed_in(fake_consul, Role.ADMIN)
    changes = [each for each in guarded(manager) if each[0] not in ("GET", "HEAD")]
    without = {name: value for name, value in less.items() if name != "X-CSRF"}
    assert [each for each in changes if await told(manager, *each, without) != 403] == []
    above = [each for each in guarded(manager) if each[1].startswith(FOR_OTHERS[role])]
    assert len(above) >= least
    assert [each for each in above if await told(manager, *each, less) != 403] == []
    looks = [each for each in above if each[0] == "GET"]
    assert [each for each in looks if await told(manager, *each, all_) == 403] == []


_ADMIN = ("/people", "/api/v1/users", "/api/v1/audit")
FOR_OTHERS = {
    Role.VIEWER: (*_ADMIN, "/campaigns/new", "/campaigns/x/pause", "/pause", "/api/v1/workers", "/api/v1/plans",
                  "/api/v1/dyfi/resume"),
    Role.OPERATOR: _ADMIN,
}  # fmt: skip
