"""A call that makes something, sent again under its key: by whoever, at whichever instance, with whatever content."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.errors import Conflict, Forbidden
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.trust import once

Client = TestClient[web.Request, web.Application]
KEYED = {once.HEADER: "k-1"}


class Making:
    """Instances that make things and count them."""

    def __init__(self) -> None:
        self.made = itertools.count(1)
        self.headers = dict[str, str]()
        self.refuses = False

    async def post(self, request: web.Request) -> web.Response:
        if self.refuses:
            raise Conflict("not now")
        found = {"number": next(self.made), "said": await kit.read_json(request)}
        return web.json_response(found, status=201, headers=self.headers)

    @staticmethod
    def who(request: web.Request) -> str:
        name = request.headers.get("Who", "anna")
        if name == "nobody":
            raise Forbidden("not for you")
        return name

    def app(self) -> web.Application:
        app = web.Application(client_max_size=100_000)
        for path in ("/things", "/others"):
            app.router.add_post(path, once.once(self.post, self.who))
        kit.setup(app, name="maker")
        once.attach(app)
        return app


@pytest.fixture(name="making")
def _making() -> Making:
    return Making()


@pytest.fixture(name="clients")
async def _clients(on_mesh: OnMesh, making: Making) -> AsyncIterator[list[Client]]:
    """Two instances on one Consul."""
    async with AsyncExitStack() as stack:
        servers = [TestServer(on_mesh(making.app())) for _ in range(2)]
        yield [await stack.enter_async_context(TestClient(server)) for server in servers]


async def post(client: Client, said: object, path: str = "/things", **headers: str) -> tuple[int, int, str]:
    """Status, the number of what was made (0 for nothing), and the reason."""
    async with client.post(path, json=said, headers={**KEYED, **headers}) as answer:
        found = await answer.json()
        return answer.status, found.get("number", 0), found.get("detail", "")


async def test_the_same_again_is_answered_the_same_by_any_instance(clients: list[Client]) -> None:
    first, other = clients
    assert await post(first, "a") == (201, 1, "")
    assert await post(first, "a") == (201, 1, "")
    assert await post(other, "a") == (201, 1, "")


async def test_other_content_under_the_same_key_is_refused(clients: list[Client]) -> None:
    first, other = clients
    await post(first, "a")
    status, number, reason = await post(other, "b")
    assert (status, number) == (422, 0) and "send a new key" in reason


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/things", {once.HEADER: "k-2"}), ("/others", {}), ("/things", {"Who": "bert"})],
    ids=["another key", "another path", "another person"],
)
async def test_a_key_holds_for_one_call_of_one_person(
    clients: list[Client], path: str, headers: dict[str, str]
) -> None:
    await post(clients[0], "a")
    assert await post(clients[0], "b", path, **headers) == (201, 2, "")


async def test_without_a_key_each_call_is_another(clients: list[Client]) -> None:
    for number in (1, 2):
        async with clients[0].post("/things", json="a") as answer:
            assert (await answer.json())["number"] == number


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_what_is_no_key_is_refused(clients: list[Client], key: str) -> None:
    assert (await post(clients[0], "a", **{once.HEADER: key}))[0] == 400


async def test_who_may_not_ask_writes_nothing(clients: list[Client], fake_consul: FakeConsul) -> None:
    assert (await post(clients[0], "a", Who="nobody"))[0] == 403
    assert await fake_consul.kv_list(once.KEYS) == []


async def test_a_refusal_is_not_kept_and_the_same_may_succeed_later(clients: list[Client], making: Making) -> None:
    making.refuses = True
    assert (await post(clients[0], "a"))[0] == 409
    making.refuses = False
    assert await post(clients[0], "a") == (201, 1, "")


async def test_what_is_refused_is_put_right_under_the_same_key(
    clients: list[Client], making: Making, fake_consul: FakeConsul
) -> None:
    making.refuses = True
    assert (await post(clients[0], "wrong"))[0] == 409
    assert await fake_consul.kv_list(once.KEYS) == []
    making.refuses = False
    assert await post(clients[1], "right") == (201, 1, "")


async def test_a_refusal_takes_no_answer_away_that_was_given(
    clients: list[Client], making: Making, fake_consul: FakeConsul
) -> None:
    making.headers = {"Cache-Control": "no-store"}
    await post(clients[0], "a")
    making.refuses = True
    assert (await post(clients[0], "a"))[0] == 409
    assert len(await fake_consul.kv_list(once.KEYS)) == 1


async def test_an_answer_with_a_secret_is_kept_nowhere(
    clients: list[Client], making: Making, fake_consul: FakeConsul
) -> None:
    making.headers = {"Cache-Control": "no-store"}
    await post(clients[0], "secret")
    assert b"secret" not in b"".join(each.value for each in await fake_consul.kv_list(once.KEYS))
    assert (await post(clients[0], "b"))[0] == 422


async def test_an_answer_that_is_too_long_is_made_again(clients: list[Client]) -> None:
    said = "x" * once.MOST_BYTES
    assert [(await post(clients[0], said))[1] for _ in range(2)] == [1, 2]


async def test_a_body_over_the_limit_is_refused_as_anywhere(clients: list[Client]) -> None:
    assert (await post(clients[0], "x" * 100_001))[0] == 413


async def test_while_consul_is_away_nothing_is_made(clients: list[Client], fake_consul: FakeConsul) -> None:
    fake_consul.away = True
    assert (await post(clients[0], "a"))[0] == 503


@pytest.mark.parametrize("value", [b"", b"null", b"[", b'{"at_us":"x"}', json.dumps({"at_us": 1}).encode()])
async def test_what_is_old_or_damaged_goes_and_the_young_stays(
    clients: list[Client], fake_consul: FakeConsul, value: bytes
) -> None:
    await fake_consul.kv_put(f"{once.KEYS}old", value)
    await post(clients[0], "a")
    assert [each.key == f"{once.KEYS}old" for each in await fake_consul.kv_list(once.KEYS)] == [False]
