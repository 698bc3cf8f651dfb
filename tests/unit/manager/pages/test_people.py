"""The page of people: what admins do there, and what others must not."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.people.desk import DESK
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role
from people_made import signed_in
from waiting import eventually

GOOD = "correct horse battery staple"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def app(on_mesh: OnMesh) -> web.Application:
    return on_mesh(make_app(Settings(development=True)), background=True)


@pytest.fixture
async def admin(app: web.Application, fake_consul: FakeConsul) -> AsyncIterator[Client]:
    """The browser of ada, an admin."""
    headers = {**await signed_in(fake_consul, Role.ADMIN), "Accept": "text/html"}
    async with TestClient(TestServer(app), headers=headers) as client:
        await eventually("ada is known", lambda: knows(client, "ada"))
        yield client


def knows(client: Client, name: str) -> bool:
    store = client.app[DESK].store
    return name in (getattr(store, "_known", None) or {})


async def post(client: Client, path: str, **fields: str) -> tuple[int, str]:
    """Status, and the text or where it leads."""
    answer = await client.post(path, data=fields, allow_redirects=False)
    return answer.status, answer.headers.get("Location") or await answer.text()


async def page(client: Client) -> str:
    answer = await client.get("/people")
    assert answer.status == 200, await answer.text()
    return await answer.text()


async def with_user(client: Client, name: str, role: Role = Role.VIEWER) -> None:
    key, _ = await client.app[DESK].invite(name, role, 3600)
    await client.app[DESK].choose_password(key, GOOD)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_others_may_neither_look_nor_change(app: web.Application, fake_consul: FakeConsul, role: Role) -> None:
    headers = {**await signed_in(fake_consul, role), "Accept": "text/html"}
    async with TestClient(TestServer(app), headers=headers) as client:
        assert (await client.get("/people")).status == 403
        for path, fields in (("/people/invite", {"name": "eve", "role": "admin"}), ("/people/vera", {"do": "remove"})):
            assert (await post(client, path, **fields))[0] == 403
        assert "eve" not in await client.app[DESK].store.read()


async def test_an_admin_invites_and_the_link_is_shown_once(admin: Client) -> None:
    status, text = await post(admin, "/people/invite", name=" anna ", role="operator")
    found = re.search(r'href="\.\./enter#([0-9A-Z-]{19})"', text)
    assert status == 200 and found, text
    listed = await page(admin)
    assert found[1] not in listed and "anna" in listed and "choosing a password" in listed
    user = await admin.app[DESK].choose_password(found[1], GOOD)
    assert (user.name, user.role) == ("anna", Role.OPERATOR)


@pytest.mark.parametrize(
    ("name", "role", "why"),
    [
        ("Anna", "viewer", "A name is 1 to 63 lower-case letters"),
        ("", "viewer", "A name is 1 to 63 lower-case letters"),
        ("<b>x</b>", "viewer", "A name is 1 to 63 lower-case letters"),
        ("anna", "king", "A role is viewer, operator, admin"),
        ("ada", "viewer", "The user ada is admin already"),
    ],
)
async def test_what_was_typed_stays_where_it_cannot_be(admin: Client, name: str, role: str, why: str) -> None:
    status, text = await post(admin, "/people/invite", name=name, role=role)
    assert 400 <= status < 500 and why in text
    typed = name.replace("<", "&lt;").replace(">", "&gt;")
    assert f'name="name" value="{typed}"' in text and "<b>x</b>" not in text


async def test_buttons_do_what_they_say(admin: Client) -> None:
    await with_user(admin, "anna")
    assert await post(admin, "/people/anna", do="role", role="admin") == (303, "../people")
    assert await post(admin, "/people/anna", do="disable") == (303, "../people")
    assert "■ disabled" in await page(admin)
    assert await post(admin, "/people/anna", do="enable") == (303, "../people")
    before = (await admin.app[DESK].store.read())["anna"]
    assert await post(admin, "/people/anna", do="sign-out") == (303, "../people")
    after = (await admin.app[DESK].store.read())["anna"]
    assert (after.role, after.disabled, after.changed) == (Role.ADMIN, False, before.changed + 1)
    assert await post(admin, "/people/anna", do="remove") == (303, "../people")
    assert "anna" not in await page(admin)


async def test_an_invitation_is_withdrawn_and_the_person_stays(admin: Client) -> None:
    await with_user(admin, "anna")
    await admin.app[DESK].invite("anna", None, 3600)
    assert await post(admin, "/people/anna", do="withdraw") == (303, "../people")
    assert await admin.app[DESK].book.open_doors(0) == [] and "anna" in await page(admin)


@pytest.mark.parametrize(
    ("path", "fields", "status", "why"),
    [
        ("/people/ada", {"do": "remove"}, 409, "The only admin who can sign in is ada"),
        ("/people/ada", {"do": "role", "role": "viewer"}, 409, "The only admin who can sign in is ada"),
        ("/people/ada", {"do": "disable"}, 409, "The only admin who can sign in is ada"),
        ("/people/nobody", {"do": "disable"}, 404, "There is no user nobody"),
        ("/people/nobody", {"do": "remove"}, 404, "There is no user nobody"),
        ("/people/A", {"do": "remove"}, 404, "There is no user"),
        ("/people/ada", {"do": "explode"}, 422, "does not know that button"),
        ("/people/ada", {}, 422, "does not know that button"),
    ],
)
async def test_what_cannot_be_is_a_sentence_on_the_page(
    admin: Client, path: str, fields: dict[str, str], status: int, why: str
) -> None:
    found, text = await post(admin, path, **fields)
    assert found == status and why in text and "<h1>People</h1>" in text
    assert set(await admin.app[DESK].store.read()) == {"ada"}


async def test_a_form_from_elsewhere_changes_nothing(admin: Client) -> None:
    await with_user(admin, "anna")
    answer = await admin.post("/people/anna", data={"do": "remove"}, headers={"X-CSRF": "wrong"})
    assert answer.status == 403 and "anna" in await admin.app[DESK].store.read()


async def test_while_consul_is_away_the_page_says_so(admin: Client, fake_consul: FakeConsul) -> None:
    fake_consul.away = True
    answer = await admin.get("/people")
    assert answer.status == 200 and "cannot be told now" in await answer.text()
    assert (await post(admin, "/people/ada", do="sign-out"))[0] == 503
    assert (await post(admin, "/people/invite", name="anna", role="viewer"))[0] == 503
