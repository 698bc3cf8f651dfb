"""Signing in and out at two managers of one mesh: security list, lines 14 and 16."""

import re
from collections.abc import AsyncIterator
from functools import partial
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest
from aiohttp import DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDictProxy

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.people import users
from hoploom.manager.people.store import USERS as STORE
from hoploom.manager.sessions import cookie, record
from hoploom.manager.sessions.book import BOOK
from hoploom.wire.people import Role
from unit.manager.sessions.small import FROM_US, NAME, PASSWORD, Manager, app_of, make_user, serving, small
from waiting import eventually

FORM = {"name": NAME, "password": PASSWORD, "next": ""}


@pytest.fixture
async def managers(on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[list[Manager]]:
    """Two, in development, that know one admin."""
    await make_user(fake_consul)
    async with serving(on_mesh, 2) as found:
        yield found


async def _sign_in(manager: Manager, **changes: str) -> tuple[int, SimpleCookie, CIMultiDictProxy[str]]:
    form = FORM | changes
    async with manager.post("/sign-in", data=form, headers=FROM_US, allow_redirects=False) as answer:
        return answer.status, answer.cookies, answer.headers


async def _id(manager: Manager) -> str:
    status, cookies, _ = await _sign_in(manager)
    assert status == 303
    return cookies[cookie.PLAIN].value


def _shown(session_id: str) -> dict[str, str]:
    return {"Cookie": f"{cookie.PLAIN}={session_id}"}


async def _status(manager: Manager, session_id: str) -> int:
    async with manager.get("/see", headers=_shown(session_id)) as answer:
        return answer.status


async def test_who_signs_in_at_one_manager_is_known_at_the_other_at_once(managers: list[Manager]) -> None:
    found = await _id(managers[0])
    assert [await _status(each, found) for each in managers] == [200, 200]


async def test_the_store_has_no_id_and_the_id_has_256_bits(managers: list[Manager], fake_consul: FakeConsul) -> None:
    found = await _id(managers[0])
    entries = await fake_consul.kv_list(record.PREFIX)
    assert record.ID.fullmatch(found) and len(found) * 6 >= 256
    assert all(found not in f"{each.key} {each.value!r}" for each in entries)


async def test_a_cookie_that_was_there_before_is_not_taken_over(managers: list[Manager]) -> None:
    """Session fixation: whoever has set it knows it."""
    preset = "x" * 43
    async with managers[0].post(
        "/sign-in", data=FORM, headers=FROM_US | _shown(preset), allow_redirects=False
    ) as answer:
        found = answer.cookies[cookie.PLAIN].value
    assert found != preset
    assert await _status(managers[0], preset) == 401


async def test_signing_in_again_ends_the_session_of_before(managers: list[Manager]) -> None:
    first = await _id(managers[0])
    async with managers[0].post(
        "/sign-in", data=FORM, headers=FROM_US | _shown(first), allow_redirects=False
    ) as answer:
        assert answer.status == 303
    await eventually("it has ended at both", lambda: _all(managers, first, 401))


async def _all(managers: list[Manager], session_id: str, status: int) -> bool:
    return all([await _status(each, session_id) == status for each in managers])


async def test_who_signs_out_is_out_at_all_managers(managers: list[Manager]) -> None:
    found = await _id(managers[0])
    assert await _status(managers[1], found) == 200
    csrf = app_of(managers[0])[BOOK].of(NAME)[0].csrf
    headers = FROM_US | _shown(found)
    async with managers[0].post("/sign-out", data={"csrf": csrf}, headers=headers, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "sign-in")
        assert answer.cookies[cookie.PLAIN]["max-age"] == "0"
    assert await _status(managers[0], found) == 401
    await eventually("it has ended at the other", lambda: _all(managers, found, 401))


@pytest.mark.parametrize(
    "change",
    [users.disabled(on=True), users.with_role(Role.VIEWER), users.with_hash("$argon2id$another"), users.signed_out()],
    ids=["disabled", "another role", "another password", "signed out everywhere"],
)
async def test_what_changes_a_person_ends_the_sessions_at_all_managers(
    managers: list[Manager], fake_consul: FakeConsul, change: users.Edit
) -> None:
    await make_user(fake_consul, "olli")
    found = await _id(managers[0])
    assert await _status(managers[1], found) == 200
    await app_of(managers[1])[STORE].change(NAME, change)
    await eventually("the session is over at both", lambda: _all(managers, found, 401))


async def test_an_admin_ends_somebody_s_sessions(managers: list[Manager]) -> None:
    found = [await _id(each) for each in managers]
    assert await app_of(managers[0])[BOOK].end_all(NAME) == 2
    for each in found:
        await eventually("it is over at both", partial(_all, managers, each, 401))


@pytest.mark.parametrize(
    "form",
    [{"name": "nobody"}, {"password": "another one that is long"}, {"name": ""}, {"password": ""}, {"name": b"\xff"}],
    ids=["no such user", "a wrong password", "no name", "no password", "no text"],
)
async def test_whatever_is_wrong_is_answered_alike(managers: list[Manager], form: dict[str, str | bytes]) -> None:
    answers = []
    for wrong in ({"password": "yet another long one"}, form):
        sent, headers = urlencode(FORM | wrong), FROM_US | {"Content-Type": "application/x-www-form-urlencoded"}
        async with managers[0].post("/sign-in", data=sent, headers=headers) as answer:
            text = re.sub(r' autofocus|id="name" name="name" value="[^"]*"', "", await answer.text())
            answers.append((answer.status, text, sorted(set(answer.headers) - {"X-Request-ID"})))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401 and "do not belong together" in answers[0][1]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "http://{host}"}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://{host}", "Sec-Fetch-Site": "cross-site"}, 403),
        ({}, 403),
    ],
    ids=["from us", "from our origin", "a form elsewhere", "a neighbour", "elsewhere", "nowhere", "both", "unsaid"],
)
async def test_another_page_signs_nobody_in(managers: list[Manager], headers: dict[str, str], status: int) -> None:
    """Login CSRF: somebody would type into another's account."""
    host = f"127.0.0.1:{managers[0].port}"
    sent = {name: value.format(host=host) for name, value in headers.items()}
    async with managers[0].post("/sign-in", data=FORM, headers=sent, allow_redirects=False) as answer:
        assert (answer.status, bool(answer.cookies)) == (status, status == 303)


@pytest.mark.parametrize(
    ("wish", "location"),
    [
        ("", "./"), ("campaigns/x?page=2", "campaigns/x?page=2"), ("//evil.example/", "./"), ("/evil", "./"),
        ("https://evil.example", "./"), ("javascript:alert(1)", "./"), ("a\\b", "./"), ("x\r\nSet-Cookie: a=b", "./"),
        ("sign-in", "./"), ("http://[", "./"), ("//\u2100", "./"),
    ],
)  # fmt: skip
async def test_the_way_back_is_a_page_of_ours(managers: list[Manager], wish: str, location: str) -> None:
    status, _, headers = await _sign_in(managers[0], next=wish)
    assert (status, headers["Location"]) == (303, location)


async def test_while_consul_is_away_who_is_signed_in_goes_on_and_nobody_comes_or_goes(
    managers: list[Manager], fake_consul: FakeConsul
) -> None:
    found = await _id(managers[0])
    csrf = app_of(managers[0])[BOOK].of(NAME)[0].csrf
    fake_consul.away = True
    async with managers[0].get("/see", headers=_shown(found)) as answer:
        assert answer.status == 200
    assert (await _sign_in(managers[0]))[0] == 503
    async with managers[0].post("/sign-out", headers=FROM_US | _shown(found) | {"X-CSRF": csrf}) as answer:
        assert answer.status == 503
    fake_consul.away = False
    assert await _status(managers[0], found) == 200


async def test_a_manager_that_has_just_started_refuses_as_any_other(on_mesh: OnMesh, fake_consul: FakeConsul) -> None:
    """It follows nothing yet."""
    await make_user(fake_consul)
    async with TestClient(TestServer(on_mesh(small())), cookie_jar=DummyCookieJar()) as manager:
        assert (await _sign_in(manager, password="a wrong one"))[0] == 401
        assert (await _sign_in(manager))[0] == 303
