"""Who may use which route of a manager: security list, line 16, and the refusal of what nobody declared."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import FormData

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.wire.people import Role
from people_made import NAMES, signed_in
from unit.manager.sessions.small import FROM_US, WHO, Manager, serving

SEE, STEER, RULE = WHO.values()
PAGE = {"Accept": "text/html,*/*"}
TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
TOKEN = {"Authorization": "Bearer operator-token"}
ELSEWHERE = {"Sec-Fetch-Site": "cross-site"}


@pytest.fixture
async def manager(on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[Manager]:
    await signed_in(fake_consul)
    async with serving(on_mesh, 1) as [found]:
        yield found


async def asked(
    manager: Manager, method: str, path: str, headers: Mapping[str, str], form: object = None
) -> tuple[int, str]:
    async with manager.request(method, path, headers=headers, data=form, allow_redirects=False) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("headers", [{}, TOKEN], ids=["nobody", "the operators' token"])
async def test_what_nobody_declared_is_refused_to_everybody(manager: Manager, headers: dict[str, str]) -> None:
    status, text = await asked(manager, "GET", "/forgotten", headers)
    assert status == 403 and "does not say whom it is for" in text


@pytest.mark.parametrize("role", Role, ids=lambda role: role.word)
async def test_a_role_may_what_those_below_it_may(manager: Manager, fake_consul: FakeConsul, role: Role) -> None:
    headers = await signed_in(fake_consul, role)
    for method in ("GET", "POST"):
        found = [(await asked(manager, method, path, headers))[0] for path in WHO.values()]
        assert found == [200 if role >= need else 403 for need in WHO]


async def test_who_asks_is_told_to_the_page(manager: Manager, fake_consul: FakeConsul) -> None:
    headers = await signed_in(fake_consul, Role.OPERATOR)
    _, text = await asked(manager, "GET", SEE, headers)
    assert f'"name": "{NAMES[Role.OPERATOR]}", "role": "operator", "by": "session"' in text
    _, text = await asked(manager, "POST", RULE, TOKEN)
    assert '"name": "operator", "role": "admin", "by": "mesh"' in text


@pytest.mark.parametrize(
    ("token", "status"),
    [("Bearer operator-token", 200), ("bearer operator-token", 200), ("Bearer hlt_vera", 200), ("Bearer x", 401),
     ("Bearer ", 401), ("Bearer", 401), ("Basic operator-token", 401), ("Bearer \udce9", 401), ("", 401)],
)  # fmt: skip
async def test_a_token_is_the_mesh_s_or_a_person_s(manager: Manager, token: str, status: int) -> None:
    raw = token.encode("utf-8", "surrogateescape").decode("latin-1")
    assert (await asked(manager, "POST", SEE, {"Authorization": raw}))[0] == status


async def test_a_wrong_token_beside_a_good_cookie_is_refused(manager: Manager, fake_consul: FakeConsul) -> None:
    headers = await signed_in(fake_consul) | {"Authorization": "Bearer x"}
    assert (await asked(manager, "GET", SEE, headers))[0] == 401


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [(SEE, PAGE, 303), (SEE, {}, 401), ("/api/v1/nothing", PAGE, 404), (SEE, {"Accept": "application/json"}, 401)],
    ids=["a page", "a program", "nothing there", "JSON"],
)
async def test_a_page_leads_to_sign_in_and_a_program_is_refused(
    manager: Manager, path: str, headers: dict[str, str], status: int
) -> None:
    assert (await asked(manager, "GET", path, headers))[0] == status


@pytest.mark.parametrize(
    ("path", "location"), [("/see", "./sign-in?next=see"), ("/see?a=b%26c", "./sign-in?next=see%3Fa%3Db%2526c")]
)
async def test_the_way_to_sign_in_and_back_is_relative(manager: Manager, path: str, location: str) -> None:
    async with manager.get(path, headers=PAGE, allow_redirects=False) as answer:
        assert answer.headers["Location"] == location


@pytest.mark.parametrize(
    ("without", "headers", "status"),
    [
        ((), {}, 200),
        (("Sec-Fetch-Site",), {"Origin": "http://{host}"}, 200),
        (("X-CSRF",), {}, 403),
        ((), {"X-CSRF": "x"}, 403),
        ((), {"X-CSRF": "\u00e9"}, 403),
        ((), ELSEWHERE, 403),
        ((), ELSEWHERE | {"Sec-Fetch-Mode": "navigate"}, 403),
        ((), {"Sec-Fetch-Site": "same-site"}, 403),
        ((), {"Sec-Fetch-Site": "none"}, 200),
        (("Sec-Fetch-Site",), {}, 403),
        ((), {"Origin": "https://evil.example"}, 403),
        ((), {"Origin": "null"}, 403),
        ((), {"Origin": "http://["}, 403),
    ],
    ids=["ours", "ours by origin", "no word", "a wrong word", "no ASCII", "elsewhere", "a form elsewhere",
         "a neighbour", "the address bar", "unsaid", "another origin", "no origin", "an origin that is none"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_changes_something_by_a_cookie_comes_from_a_page_of_ours(
    manager: Manager, fake_consul: FakeConsul, without: tuple[str, ...], headers: dict[str, str], status: int,
    method: str,
) -> None:  # fmt: skip
    shown = {name: each for name, each in (await signed_in(fake_consul)).items() if name not in without}
    sent = {name: each.format(host=f"127.0.0.1:{manager.port}") for name, each in headers.items()}
    found, _ = await asked(manager, method, SEE, shown | sent)
    assert found == status


@pytest.mark.parametrize(("headers", "status"), [(TOKEN, 200), (TOKEN | ELSEWHERE, 200)])
async def test_by_a_token_no_word_is_needed(manager: Manager, headers: dict[str, str], status: int) -> None:
    assert (await asked(manager, "POST", STEER, headers))[0] == status


@pytest.mark.parametrize("multipart", [False, True], ids=["a form", "a form with files"])
@pytest.mark.parametrize(("word", "status"), [("", 403), ("x", 403), ("good", 200)])
async def test_a_form_says_the_word_in_a_field(
    manager: Manager, fake_consul: FakeConsul, word: str, status: int, multipart: bool
) -> None:
    headers = await signed_in(fake_consul, Role.OPERATOR)
    csrf = headers.pop("X-CSRF")
    form = FormData({"csrf": csrf if word == "good" else word}, default_to_multipart=multipart)
    assert (await asked(manager, "POST", STEER, headers, form))[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (FROM_US, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({}, 200),
        (ELSEWHERE | {"Sec-Fetch-Mode": "navigate"}, 200),
        (ELSEWHERE | {"Sec-Fetch-Mode": "cors"}, 403),
        (FROM_US | {"Origin": "https://evil.example"}, 403),
    ],
    ids=["ours", "the address bar", "a program", "a link elsewhere", "a script elsewhere", "a stream elsewhere"],
)
async def test_others_pages_read_nothing_by_a_cookie(
    manager: Manager, fake_consul: FakeConsul, headers: dict[str, str], status: int
) -> None:
    """As an `EventSource` of another page would."""
    shown = {"Cookie": (await signed_in(fake_consul))["Cookie"]}
    assert (await asked(manager, "GET", SEE, shown | headers))[0] == status


@pytest.mark.parametrize(("size", "status"), [(2**14 - 100, 401), (2**14 + 1, 413)])
async def test_who_may_be_anybody_sends_no_long_body(manager: Manager, size: int, status: int) -> None:
    found, _ = await asked(manager, "POST", "/sign-in", FROM_US | TYPE, io.BytesIO(b"name=" + b"n" * size))
    assert found == status


@pytest.mark.parametrize("cookie", ["", "x", "y" * 43, "' OR 1=1", "\u00e9" * 43])
async def test_a_made_up_cookie_is_nobody(manager: Manager, cookie: str) -> None:
    shown = {"Cookie": f"hoploom-dev={cookie}"}
    assert (await asked(manager, "GET", SEE, shown))[0] == 401


@pytest.mark.parametrize("name", ["Cookie", "X-CSRF", "Origin", "Authorization"])
async def test_bytes_that_are_no_text_are_refused_as_any_other(
    manager: Manager, fake_consul: FakeConsul, name: str
) -> None:
    """By hand: a client of HTTP sends none."""
    headers = await signed_in(fake_consul) | {"Host": "here", "Connection": "close", "Content-Length": "0"}
    wrong = {"Cookie": b"hoploom-dev=", "Authorization": b"Bearer "}.get(name, b"") + b"\xff\xfe"
    lines = [f"{each}: {value}".encode() for each, value in headers.items() if each != name]
    reader, writer = await asyncio.open_connection("127.0.0.1", manager.port)
    request = [f"POST {SEE} HTTP/1.1".encode(), *lines, name.encode() + b": " + wrong]
    writer.write(b"\r\n".join(request) + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert int(answer.split()[1]) in (401, 403)


PART = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx-\r\n--x--\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [(f"{TYPE['Content-Type']}; charset=punycode", b"csrf=x-"), ("multipart/form-data; boundary=x", PART)],
    ids=["a decoder that takes minutes", "parts that each choose one"],
)
@pytest.mark.parametrize("path", ["/sign-in", SEE])
async def test_who_is_not_trusted_chooses_no_decoder(
    manager: Manager, fake_consul: FakeConsul, path: str, kind: str, body: bytes
) -> None:
    headers = await signed_in(fake_consul)
    del headers["X-CSRF"]
    assert (await asked(manager, "POST", path, headers | {"Content-Type": kind}, io.BytesIO(body)))[0] == 400
