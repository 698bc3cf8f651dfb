"""The page behind a link: in once, by a password of one's own choice or at once; nothing is told to strangers."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.access import OPEN_FORM_BYTES
from hoploom.manager.app import make_app
from hoploom.manager.audit_ring import RING
from hoploom.manager.enrolment import wrong_tokens
from hoploom.manager.people.desk import DESK
from hoploom.manager.settings import Settings
from hoploom.wire.enrolment import TOKEN_BYTES, token_text
from hoploom.wire.people import Role

GOOD = "correct horse battery staple"
OURS = {"Sec-Fetch-Site": "same-origin"}
STRANGER = "This link is not known here, used up or expired"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def manager(tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[Client]:
    token = tmp_path / "operator"
    token.write_text("the-mesh\n", encoding="utf-8")
    app = on_mesh(make_app(Settings(operator_token_file=str(token), development=True)), background=True)
    async with TestClient(TestServer(app)) as client:
        yield client


async def post(manager: Client, path: str, **fields: str) -> tuple[int, str, str]:
    """Status, text and where it leads."""
    answer = await manager.post(path, data=fields, headers=OURS, allow_redirects=False)
    return answer.status, await answer.text(), answer.headers.get("Location", "")


async def whose(manager: Client) -> str:
    """Who the browser is, by what its account page says; empty where it leads to signing in."""
    answer = await manager.get("/account", headers={"Accept": "text/html"}, allow_redirects=False)
    found = re.search(r"You are <strong><bdi>([^<]*)", await answer.text())
    return found[1] if found else ""


async def test_without_a_session_the_form_is_shown(manager: Client) -> None:
    answer = await manager.get("/enter")
    text = await answer.text()
    assert answer.status == 200 and "<h1>Come in by a link</h1>" in text and "static/links.js" in text


async def test_a_form_that_is_too_long_names_the_limit_of_strangers(manager: Client) -> None:
    sent = {"key": "a" * OPEN_FORM_BYTES}
    answer = await manager.post("/enter/key", data=sent, headers={**OURS, "Accept": "text/html"})
    text = await answer.text()
    assert answer.status == 413 and f"over the limit of {OPEN_FORM_BYTES} bytes" in text and "MB" not in text


async def test_an_invited_person_chooses_a_password_and_is_in(manager: Client) -> None:
    key, _ = await manager.app[DESK].invite("anna", Role.ADMIN, 3600)
    status, text, _ = await post(manager, "/enter/key", key=key)
    assert status == 200 and "You come in as <strong><bdi>anna</bdi></strong> (admin)" in text
    assert await whose(manager) == "", "nobody is in before a password is chosen"
    status, _, where = await post(manager, "/enter/password", key=key, password=GOOD, again=GOOD)
    assert (status, where, await whose(manager)) == (303, "../", "anna")
    status, text, _ = await post(manager, "/enter/key", key=key)
    assert status == 403 and STRANGER in text


async def test_strangers_with_wrong_keys_push_nothing_out_of_the_audit(manager: Client) -> None:
    wrong = token_text(bytes(TOKEN_BYTES))
    assert (await post(manager, "/enter/key", key=wrong))[0] == 403
    await manager.app[RING].write()
    assert await manager.app[RING].newest() == []


async def test_the_owner_is_in_at_once_and_once(manager: Client) -> None:
    key, _ = await manager.app[DESK].door("owner")
    status, _, where = await post(manager, "/enter/key", key=key)
    assert (status, where, await whose(manager)) == (303, "../", "owner")
    assert (await post(manager, "/enter/key", key=key))[0] == 403


@pytest.mark.parametrize(
    ("password", "again", "why"),
    [
        (GOOD, f"{GOOD} ", "The two passwords are not the same."),
        ("short", "short", "A password has at least 12 characters"),
        ("x" * 1025, "x" * 1025, "more than 1024 bytes"),
    ],
)
async def test_a_password_that_is_not_taken_may_be_tried_again(
    manager: Client, password: str, again: str, why: str
) -> None:
    key, _ = await manager.app[DESK].invite("anna", None, 3600)
    status, text, _ = await post(manager, "/enter/password", key=key, password=password, again=again)
    assert status in (400, 422) and why in text and f'value="{key}"' in text and password not in text
    assert (await post(manager, "/enter/password", key=key, password=GOOD, again=GOOD))[0] == 303


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("0000-0000-0000-0000", STRANGER),
        ("", "A token is 16 letters and digits"),
        ("{{7*7}}", "A token is 16 letters and digits"),
        ("<script>alert(1)</script>", "A token is 16 letters and digits"),
    ],
)
async def test_a_wrong_key_is_told_in_one_sentence(manager: Client, key: str, why: str) -> None:
    for path in ("/enter/key", "/enter/password"):
        status, text, _ = await post(manager, path, key=key, password=GOOD, again=GOOD)
        assert 400 <= status < 500 and why in text and "alert(1)" not in text and "49" not in why


async def test_who_tries_many_keys_waits(manager: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    good, _ = await manager.app[DESK].invite("anna", None, 3600)
    for number in range(wrong_tokens.MOST):
        assert (await post(manager, "/enter/key", key=f"0000-0000-0000-000{number}"))[0] == 403
    status, text, _ = await post(manager, "/enter/key", key=good)
    assert status == 429 and "Too many wrong keys" in text


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}])
@pytest.mark.parametrize("path", ["/enter/key", "/enter/password"])
async def test_no_other_page_signs_anybody_in(manager: Client, path: str, headers: dict[str, str]) -> None:
    key, _ = await manager.app[DESK].door("owner")
    data = {"key": key, "password": GOOD, "again": GOOD}
    answer = await manager.post(path, data=data, headers=headers, allow_redirects=False)
    assert answer.status == 403 and not answer.cookies


async def test_a_key_is_in_no_log_and_in_no_address(manager: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    key, _ = await manager.app[DESK].invite("anna", None, 3600)
    await post(manager, "/enter/key", key=key)
    await post(manager, "/enter/password", key=key, password=GOOD, again=GOOD)
    assert "anna" in caplog.text and not any(each in caplog.text for each in (key, key.replace("-", ""), GOOD))


async def test_a_session_that_was_there_before_is_another_one_afterwards(manager: Client) -> None:
    for name in ("anna", "bert"):
        key, _ = await manager.app[DESK].invite(name, None, 3600)
        await post(manager, "/enter/password", key=key, password=GOOD, again=GOOD)
        assert await whose(manager) == name


async def test_by_plain_http_nobody_comes_in(tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul) -> None:
    app = on_mesh(make_app(Settings(development=False)), background=True)
    async with TestClient(TestServer(app)) as client:
        assert "plain HTTP" in await (await client.get("/enter")).text()
        key, _ = await client.app[DESK].door("owner")
        status, text, _ = await post(client, "/enter/key", key=key)
        assert status == 400 and "plain HTTP" in text
        secure = {**OURS, "X-Forwarded-Proto": "https"}
        answer = await client.post("/enter/key", data={"key": key}, headers=secure, allow_redirects=False)
        assert answer.status == 303
        cookie = answer.cookies["__Host-hoploom"]
        assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Strict"
