"""The page of one's own tokens: a token is shown once, and what was typed stays."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.people.kv_users import PREFIX
from hoploom.manager.people.store import USERS
from hoploom.manager.people.users import User, packed
from hoploom.manager.sessions import cookie
from hoploom.manager.sessions.book import BOOK
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role
from waiting import eventually

PATH = "/account/tokens"
ANNA = User(name="anna", role=Role.OPERATOR)
Client = TestClient[web.Request, web.Application]


@pytest.fixture(name="client")
async def _client(on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[Client]:
    await fake_consul.kv_put(f"{PREFIX}anna", packed(ANNA))
    app = on_mesh(make_app(Settings(development=True, fabio_addr="http://127.0.0.1:1")), background=True)
    async with TestClient(TestServer(app)) as client:

        async def known() -> bool:
            return app[USERS]._known is not None  # type: ignore[attr-defined]

        await eventually("people are known", known)
        session = await app[BOOK].begin(ANNA, "")
        client.session.headers.update({"Cookie": f"{cookie.PLAIN}={session}", "Accept": "text/html"})
        yield client


async def shown(client: Client) -> str:
    async with client.get(PATH) as answer:
        assert answer.status == 200
        return await answer.text()


async def sent(client: Client, path: str, **typed: str) -> tuple[int, str]:
    csrf = re.findall('name="csrf" value="([^"]+)"', await shown(client))[0]
    here = str(client.make_url("/")).rstrip("/")
    headers = {"Origin": here, "Sec-Fetch-Site": "same-origin"}
    async with client.post(path, data={"csrf": csrf, **typed}, headers=headers, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def test_a_token_is_shown_once_and_can_be_taken_back(client: Client) -> None:
    status, text = await sent(client, PATH, name="nightly <b>", role="viewer", days="7")
    [token] = set(re.findall(r"hlt_[\w-]{22}", text))
    assert status == 200 and "nightly &lt;b&gt;" in text
    later = await shown(client)
    assert token not in later and "nightly &lt;b&gt;" in later
    [path] = set(re.findall(r'action="[./]*(account/tokens/\w+/remove)"', later))
    assert (await sent(client, f"/{path}"))[0] == 303
    assert "nightly" not in await shown(client)


@pytest.mark.parametrize(
    ("typed", "status", "words"),
    [
        ({"name": "kept", "role": "admin", "days": "7"}, 403, "can have no token of a admin"),
        ({"name": "kept", "role": "viewer", "days": "0"}, 400, "1 to 366 days"),
        ({"name": "kept", "role": "viewer", "days": "9" * 5000}, 400, "1 to 366 days"),
        ({"name": "", "role": "viewer"}, 422, "what the token is for"),
        ({"name": "kept" + "x" * 100, "role": "viewer"}, 422, "at most 60"),
    ],
)
async def test_what_will_not_do_is_said_beside_what_was_typed(
    client: Client, typed: dict[str, str], status: int, words: str
) -> None:
    found, text = await sent(client, PATH, **typed)
    assert (found, words in text) == (status, True)
    assert f'value="{typed["name"]}"' in text
    assert "hlt_" not in text


async def test_without_the_forms_own_word_nothing_is_made(client: Client) -> None:
    async with client.post(PATH, data={"name": "x", "role": "viewer"}) as answer:
        assert answer.status == 403
    assert "None." in await shown(client)
