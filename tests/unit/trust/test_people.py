"""Who a person's token makes of a caller, on any service."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.trust import attaching, people, reading
from hoploom.trust.people import PEOPLE, People
from hoploom.trust.person_token import PersonToken, hashed, packed
from hoploom.wire.people import Role
from waiting import eventually

MESH, OPERATOR = "mesh-token", "operator-token"
DAY_US = 86_400_000_000
Client = TestClient[web.Request, web.Application]


def text(word: str) -> str:
    return f"hlt_{word}"


async def give(consul: FakeConsul, word: str, role: Role, until_us: int = 2**52) -> None:
    token = PersonToken(hash=hashed(text(word)), name=word, user="anna", role=role, made_us=1, until_us=until_us)
    await consul.kv_put(token.stored_at, packed(token))


def service(*, is_open: bool) -> web.Application:
    app = web.Application()

    async def steer(request: web.Request) -> web.Response:
        return web.Response(text=people.steers(request, OPERATOR))

    async def read(_: web.Request) -> web.Response:
        return web.Response(text="results")

    app.add_routes([web.post("/steer", steer), web.get("/read", read)])
    kit.setup(app, name="thing")
    attaching.attach(app, MESH)
    reading.attach(app, OPERATOR, is_open=is_open)
    kit.health_routes(app, reading.guarded([web.get("/read", read)], is_open=is_open))
    return app


@pytest.fixture(name="closed")
async def _closed(on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[Client]:
    for word, role in (("viewer", Role.VIEWER), ("operator", Role.OPERATOR), ("admin", Role.ADMIN)):
        await give(fake_consul, word, role)
    await give(fake_consul, "old", Role.ADMIN, 1)
    app = on_mesh(service(is_open=False), background=True)
    async with TestClient(TestServer(app)) as client:
        await eventually("tokens are known", lambda: _known(app))
        yield client


async def _known(app: web.Application) -> bool:
    return bool(app[PEOPLE]._known)


async def asked(client: Client, method: str, path: str, token: str, scheme: str = "Bearer") -> tuple[int, str]:
    headers = {"Authorization": f"{scheme} {token}"} if token else {}
    async with client.request(method, path, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("token", "status", "words"),
    [
        (OPERATOR, 200, "operator"),
        (text("operator"), 200, "anna"),
        (text("admin"), 200, "anna"),
        (text("viewer"), 403, "needs the role operator"),
        (text("old"), 401, "good no more"),
        (text("guess"), 401, "wrong"),
        ("hlt_" + "a" * 100_000, 400, ""),
        (MESH, 401, "token of this mesh"),
        ("", 401, "token of this mesh"),
    ],
    ids=["the operators'", "an operator's", "an admin's", "a viewer's", "an old one", "a guess", "a huge one",
         "the mesh's", "none"],
)  # fmt: skip
async def test_operators_steer_and_nobody_else(closed: Client, token: str, status: int, words: str) -> None:
    found, said = await asked(closed, "POST", "/steer", token)
    assert (found, words in said) == (status, True), said


@pytest.mark.parametrize(
    ("token", "status"),
    [(OPERATOR, 200), (MESH, 200), (text("viewer"), 200), (text("old"), 401), (text("guess"), 401), ("", 401),
     ("guess", 401)],
)  # fmt: skip
async def test_where_reading_is_not_open_any_good_token_reads(closed: Client, token: str, status: int) -> None:
    assert (await asked(closed, "GET", "/read", token))[0] == status


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/load"])
async def test_whether_an_instance_is_well_everybody_may_see(closed: Client, path: str) -> None:
    assert (await asked(closed, "GET", path, ""))[0] in (200, 503)


async def test_what_there_is_not_is_said_to_everybody(closed: Client) -> None:
    assert (await asked(closed, "GET", "/nothing", ""))[0] == 404


async def test_the_second_port_asks_as_well(closed: Client) -> None:
    assert closed.app is not None
    async with TestClient(TestServer(kit.http_app.health_app(closed.app))) as client:
        assert (await asked(client, "GET", "/read", ""))[0] == 401
        assert (await asked(client, "GET", "/read", MESH))[0] == 200
        assert (await asked(client, "GET", "/health", ""))[0] == 200


async def test_where_reading_is_open_nobody_is_asked(on_mesh: OnMesh) -> None:
    async with TestClient(TestServer(on_mesh(service(is_open=True)))) as client:
        assert await asked(client, "GET", "/read", "") == (200, "results")


async def test_before_tokens_are_known_the_answer_is_later_and_not_no(on_mesh: OnMesh) -> None:
    async with TestClient(TestServer(on_mesh(service(is_open=False)))) as client:
        assert (await asked(client, "POST", "/steer", text("admin")))[0] == 503
        assert (await asked(client, "GET", "/read", text("admin")))[0] == 503


async def test_a_token_that_is_removed_is_good_no_more_and_one_is_kept_while_consul_is_away(
    closed: Client, fake_consul: FakeConsul
) -> None:
    fake_consul.away = True
    assert (await asked(closed, "POST", "/steer", text("admin")))[0] == 200
    fake_consul.away = False
    await fake_consul.kv_delete(f"hoploom/tokens/{hashed(text('admin'))}")

    async def refused() -> bool:
        return (await asked(closed, "POST", "/steer", text("admin")))[0] == 401

    await eventually("the token is refused", refused)


def test_tokens_end_by_the_verifiers_clock() -> None:
    now_us = 0
    known = People(FakeConsul(), lambda: now_us)
    token = PersonToken(hash=hashed(text("t")), name="t", user="anna", role=Role.VIEWER, made_us=0, until_us=DAY_US)
    known._known = {token.hash: token}
    assert known.find(text("t")) == token
    now_us = DAY_US
    assert known.find(text("t")) is None
