"""People at two managers over a real Consul, kept there or in a file of the host: invited at one, in at the other.

What one manager changes the other knows; a manager that is killed takes nobody with it.
"""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine_processes import Child, ConsulAgent, free_ports
from hoploom.wire.people import ROUTE
from waiting import eventually

OPERATOR = "operator-secret"
GOOD = "correct horse battery staple"
OURS = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


@dataclass
class Managers:
    """Two of them, and a browser that goes to either."""

    urls: tuple[str, str]
    children: tuple[Child, Child]
    browser: aiohttp.ClientSession

    async def call(self, at: int, method: str, path: str, body: object = None) -> Any:
        """What the API answers to the operators' token."""
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        async with self.browser.request(method, f"{self.urls[at]}{ROUTE}{path}", json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def status(self, at: int, method: str, path: str, **fields: str) -> int:
        """What a page answers to the browser; 0 where nobody does."""
        url = f"{self.urls[at]}{path}"
        try:
            async with self.browser.request(method, url, data=fields, headers=OURS, allow_redirects=False) as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0

    async def is_in(self, at: int) -> bool:
        return await self.status(at, "GET", "/account") == 200

    async def is_out(self, at: int) -> bool:
        return await self.status(at, "GET", "/account") == 303


@pytest.fixture(params=["consul", "file"])
async def managers(request: pytest.FixtureRequest, agent: ConsulAgent, tmp_path: Path) -> AsyncIterator[Managers]:
    (tmp_path / "operator").write_text(f"{OPERATOR}\n", encoding="utf-8")
    kept = ["--users-file", str(tmp_path / "users.json")] if request.param == "file" else []

    def manager(port: int) -> Child:
        command = [
            sys.executable, "-m", "hoploom.manager", "--consul-addr", agent.url, "--port", str(port),
            "--development", "true", "--operator-token-file", str(tmp_path / "operator"), *kept,
        ]
        return Child(command, tmp_path / f"{port}.log")

    one, two = free_ports(2)
    children = manager(one), manager(two)
    try:
        for child in children:
            child.start()
        # Cookies of 127.0.0.1 go to both ports, as they do behind one router.
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            found = Managers((f"http://127.0.0.1:{one}", f"http://127.0.0.1:{two}"), children, browser)
            for at in (0, 1):
                await eventually("a manager sends people to sign in", partial(found.is_out, at), 20)
            yield found
    finally:
        for child in children:
            child.stop()


async def come_in(managers: Managers, name: str, at: int, **wish: str) -> None:
    """Be invited at the other manager, and choose a password at this one."""
    key = (await managers.call(1 - at, "POST", "/invites", {"v": 1, "name": name, **wish}))["key"]
    fields = {"key": key, "password": GOOD, "again": GOOD}
    assert await managers.status(at, "POST", "/enter/password", **fields) == 303
    assert await managers.status(1 - at, "POST", "/enter/password", **fields) == 403, "the key is used up everywhere"


async def test_who_is_invited_at_one_manager_is_in_at_both_and_out_of_both(managers: Managers) -> None:
    await come_in(managers, "root", at=0, role="admin")
    await come_in(managers, "anna", at=1)
    for at in (0, 1):
        await eventually("anna is in", partial(managers.is_in, at))
    managers.children[0].stop(kill=True)
    assert await managers.is_in(1), "she is in at the one that is left"
    await managers.call(1, "PATCH", "/anna", {"v": 1, "disabled": True})
    assert await managers.is_out(1)
    managers.children[0].start()
    await eventually("the first manager is back, and knows", partial(managers.is_out, 0), 20)
    await managers.call(0, "PATCH", "/anna", {"v": 1, "disabled": False})

    async def is_let_in() -> bool:
        return await managers.status(1, "POST", "/sign-in", name="anna", password=GOOD) == 303

    await eventually("the other knows that she is enabled", is_let_in)
    listed = {each["name"]: each["role"] for each in (await managers.call(1, "GET", ""))["users"]}
    assert listed == {"root": "admin", "anna": "viewer"}
    async with managers.browser.delete(
        f"{managers.urls[1]}{ROUTE}/root", headers={"Authorization": f"Bearer {OPERATOR}"}
    ) as refused:
        assert refused.status == 409 and "only admin" in (await refused.json())["detail"]
    await managers.call(0, "DELETE", "/anna")
    await eventually("she is out at the other", partial(managers.is_out, 1))
