"""The cookie of a session: security list, line 15."""

import pytest

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from unit.manager.sessions.small import FROM_US, NAME, PASSWORD, make_user, serving

FORM = {"name": NAME, "password": PASSWORD}
HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("development", "name", "secure"), [(False, "__Host-hoploom", True), (True, "hoploom-dev", False)]
)
async def test_a_browser_keeps_it_to_this_host_and_shows_it_to_no_script(
    on_mesh: OnMesh, fake_consul: FakeConsul, development: bool, name: str, secure: bool
) -> None:
    await make_user(fake_consul)
    async with serving(on_mesh, 1, development=development) as [manager]:
        headers = FROM_US | HTTPS
        async with manager.post("/sign-in", data=FORM, headers=headers, allow_redirects=False) as answer:
            found = answer.cookies[name]
        assert (found["path"], found["samesite"], found["domain"], found["max-age"]) == ("/", "Strict", "", "")
        assert (bool(found["httponly"]), bool(found["secure"])) == (True, secure)
        for shown, status in ((name, 200), ("hoploom-dev" if secure else "__Host-hoploom", 401)):
            async with manager.get("/see", headers={"Cookie": f"{shown}={found.value}"}) as answer:
                assert answer.status == status


async def test_no_password_is_taken_by_plain_http(on_mesh: OnMesh, fake_consul: FakeConsul) -> None:
    await make_user(fake_consul)
    async with serving(on_mesh, 1, development=False) as [manager]:
        async with manager.get("/sign-in") as answer:
            text = await answer.text()
            assert "https address" in text and "<form" not in text
        async with manager.post("/sign-in", data=FORM, headers=FROM_US, allow_redirects=False) as answer:
            assert (answer.status, len(answer.cookies)) == (403, 0)
