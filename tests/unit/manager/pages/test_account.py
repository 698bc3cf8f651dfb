"""A person's own account: another password, and sessions that end."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.people.desk import DESK
from hoploom.manager.sessions.book import BOOK
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role

GOOD, OTHER = "correct horse battery staple", "eleven lemons in a bag"
OURS = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def app(on_mesh: OnMesh) -> web.Application:
    return on_mesh(make_app(Settings(development=True)), background=True)


@pytest.fixture
async def anna(app: web.Application, fake_consul: FakeConsul) -> AsyncIterator[Client]:
    """Anna's browser."""
    async with TestClient(TestServer(app), headers=OURS) as client:
        key, _ = await app[DESK].invite("anna", Role.VIEWER, 3600)
        assert (await post(client, "/enter/password", key=key, password=GOOD, again=GOOD))[0] == 303
        yield client


async def post(client: Client, path: str, **fields: str) -> tuple[int, str]:
    """Status, and the text or where it leads."""
    answer = await client.post(path, data=fields, allow_redirects=False)
    return answer.status, answer.headers.get("Location") or await answer.text()


async def told(client: Client, path: str, **fields: str) -> tuple[int, str]:
    """As `post`, with the word against forgery that the page has."""
    (session,) = [each for each in client.app[BOOK].of("anna") if each.csrf in await text(client)]
    return await post(client, path, csrf=session.csrf, **fields)


async def text(client: Client) -> str:
    return await (await client.get("/account", allow_redirects=False)).text()


async def signed_in(client: Client) -> bool:
    return "Your account</h1>" in await text(client)


async def another(app: web.Application) -> str:
    """Anna signs in on another machine; the digest of that session."""
    known = {each.digest for each in app[BOOK].of("anna")}
    await app[BOOK].begin(app[DESK].store.users()["anna"], "192.0.2.7")
    (digest,) = {each.digest for each in app[BOOK].of("anna")} - known
    return digest


async def test_who_knows_the_present_password_chooses_another_and_stays_in(
    anna: Client, app: web.Application
) -> None:
    await another(app)
    before = {each.digest for each in app[BOOK].of("anna")}
    found = await told(anna, "/account/password", present=GOOD, password=OTHER, again=OTHER)
    assert found == (303, "../account?done=password")
    assert await signed_in(anna), "this browser has a new session"
    user = await app[DESK].signs_in("anna", OTHER)
    assert user is not None and await app[DESK].signs_in("anna", GOOD) is None
    good = [each for each in app[BOOK].of("anna") if each.changed == user.changed]
    assert len(good) == 1 and good[0].digest not in before


@pytest.mark.parametrize(
    ("fields", "status", "why"),
    [
        ({"present": OTHER, "password": OTHER, "again": OTHER}, 403, "The present password is another one."),
        ({"present": GOOD, "password": OTHER, "again": GOOD}, 400, "The two new passwords are not the same."),
        ({"present": GOOD, "password": "short", "again": "short"}, 422, "A password has at least 12 characters"),
        ({}, 403, "The present password is another one."),
    ],
)
async def test_what_is_not_taken_changes_nothing(
    anna: Client, app: web.Application, fields: dict[str, str], status: int, why: str
) -> None:
    found, shown = await told(anna, "/account/password", **fields)
    assert found == status and why in shown and OTHER not in shown
    assert await signed_in(anna) and await app[DESK].signs_in("anna", GOOD) is not None


async def test_guessing_the_present_password_is_slowed_down(anna: Client) -> None:
    found = [await told(anna, "/account/password", present=f"{number}") for number in range(30)]
    assert found[0][0] == 403 and found[-1][0] == 429


async def test_one_other_session_ends_or_all_do(anna: Client, app: web.Application) -> None:
    first, second, third = [await another(app) for _ in range(3)]
    shown = await text(anna)
    assert "192.0.2.7" in shown and "this one" in shown and "End all others" in shown
    assert await told(anna, "/account/sessions", session=first) == (303, "../account?done=session")
    assert {second, third} <= {each.digest for each in app[BOOK].of("anna")}
    assert first not in {each.digest for each in app[BOOK].of("anna")}
    assert await told(anna, "/account/sessions") == (303, "../account?done=others")
    assert len(app[BOOK].of("anna")) == 1 and await signed_in(anna)


async def test_the_session_of_somebody_else_does_not_end(anna: Client, app: web.Application) -> None:
    key, _ = await app[DESK].invite("bert", Role.ADMIN, 3600)
    await app[BOOK].begin(await app[DESK].choose_password(key, GOOD), "192.0.2.8")
    (of_bert,) = app[BOOK].of("bert")
    assert of_bert.digest not in await text(anna)
    await told(anna, "/account/sessions", session=of_bert.digest)
    assert app[BOOK].of("bert") == [of_bert]


async def test_who_has_no_password_is_told_how_to_get_one(anna: Client, app: web.Application) -> None:
    key, _ = await app[DESK].door("owner")
    await post(anna, "/enter/key", key=key)
    shown = await text(anna)
    assert "hoploom user invite owner" in shown and 'name="present"' not in shown


async def test_a_form_from_elsewhere_changes_nothing(anna: Client, app: web.Application) -> None:
    fields = {"present": GOOD, "password": OTHER, "again": OTHER}
    assert (await post(anna, "/account/password", **fields))[0] == 403
    assert (await post(anna, "/account/password", csrf="x" * 43, **fields))[0] == 403
    assert await app[DESK].signs_in("anna", GOOD) is not None
