"""What anybody may see, what the operator alone may do, and a manager that really leads and calls, on loopback."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import MESH
from hoploom.manager.app import make_app
from hoploom.manager.dyfi import attaching, handlers
from hoploom.manager.dyfi.record import KEY, Record, encoded
from hoploom.manager.settings import Settings
from lab.dyndns import Provider
from lab.dyndns_server import Server, served
from people_made import signed_in
from waiting import eventually

NAME = "a.dy.fi"
OPERATOR = {"Authorization": "Bearer chief"}
STOPPED = Record(claimed_us=1, missing=[NAME], failures=1, stopped="badauth for a.dy.fi: user or password is wrong")
Put = Callable[..., web.Application]
Page = TestClient[web.Request, web.Application]
LOCK = "hoploom/roles/dyfi/.lock"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with served(Provider.of(NAME)) as made:
        yield made


@pytest.fixture
def given(server: Server, tmp_path: Path) -> dict[str, Any]:
    for name, text in (("password", "secret"), ("operator", "chief")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {"dyfi_hosts": NAME, "dyfi_user": "me", "dyfi_password_file": str(tmp_path / "password"),
            "dyfi_url": server.url, "dyfi_address_url": server.address_url,
            "operator_token_file": str(tmp_path / "operator"), "fabio_addr": "http://127.0.0.1:1"}  # fmt: skip


@pytest.fixture
async def page(on_mesh: Put, fake_consul: FakeConsul, given: dict[str, Any]) -> AsyncIterator[Page]:
    app = on_mesh(make_app(Settings(**given)))
    async with TestClient(TestServer(app), headers=await signed_in(fake_consul)) as client:
        yield client


async def test_a_viewer_sees_the_record_and_nobody_a_secret(page: Page, fake_consul: FakeConsul) -> None:
    assert (await (await page.get("/api/v1/dyfi")).json())["claimed_us"] == 0
    await fake_consul.kv_put(KEY, encoded(STOPPED))
    answer = await page.get("/api/v1/dyfi")
    found = await answer.json()
    assert (found["names"], found["stopped"], found["home_dc"]) == ([NAME], STOPPED.stopped, "dc1")
    assert "secret" not in await answer.text()
    problems = (await (await page.get("/api/v1/overview")).json())["problems"]
    assert STOPPED.stopped in await (await page.get("/")).text()
    assert any(STOPPED.stopped in each for each in problems)


@pytest.mark.parametrize(
    ("headers", "status"), [({}, 403), ({"Authorization": "Bearer x"}, 401)], ids=["a viewer", "a stranger"]
)
async def test_only_the_operator_resumes(
    page: Page, fake_consul: FakeConsul, headers: dict[str, str], status: int
) -> None:
    await fake_consul.kv_put(KEY, encoded(STOPPED))
    assert (await page.post(f"{handlers.ROUTE}/resume", headers=headers)).status == status
    assert (await (await page.get(handlers.ROUTE)).json())["stopped"]


async def test_resuming_takes_the_reason_away_and_a_second_time_changes_nothing(
    page: Page, fake_consul: FakeConsul
) -> None:
    assert (await page.post(f"{handlers.ROUTE}/resume", headers=OPERATOR)).status == 404
    await fake_consul.kv_put(KEY, encoded(STOPPED))
    for changed in (True, False):
        answer = await page.post(f"{handlers.ROUTE}/resume", headers=OPERATOR)
        found = await answer.json()
        assert (answer.status, found["changed"], found["stopped"]) == (200, changed, "")


async def test_what_stands_in_consul_and_is_no_record_is_said(page: Page, fake_consul: FakeConsul) -> None:
    await fake_consul.kv_put(KEY, b"by hand")
    assert (await page.get(handlers.ROUTE)).status == 503
    await page.get("/api/v1/overview")
    assert "by hand" not in await (await page.get("/")).text()


async def test_a_mesh_without_names_shows_no_line(on_mesh: Put, fake_consul: FakeConsul) -> None:
    app = on_mesh(make_app(Settings(fabio_addr="http://127.0.0.1:1")))
    async with TestClient(TestServer(app), headers=await signed_in(fake_consul)) as client:
        assert (await (await client.get("/api/v1/overview")).json())["dyfi"] is None
        assert "dy.fi" not in await (await client.get("/")).text()


@pytest.mark.parametrize(("home", "calls"), [("", 1), ("dc1", 1), ("dc2", 0)], ids=["alone", "at home", "elsewhere"])
async def test_a_manager_at_home_leads_and_calls_once_and_one_elsewhere_never(
    on_mesh: Put, fake_consul: FakeConsul, server: Server, given: dict[str, Any], home: str, calls: int
) -> None:
    # Who led last said that it left, so nobody has to be waited for.
    await fake_consul.kv_put(LOCK, b'{"v": 1, "left": "manager-0"}')
    app = on_mesh(make_app(Settings(**given, home_dc=home)), background=True)
    async with TestClient(TestServer(app), headers=await signed_in(fake_consul)) as client:
        if not calls:
            assert [each for each in app[MESH].loops if getattr(each, "func", None) is attaching._lead] == []
            return

        async def told() -> bool:
            return bool((await (await client.get(handlers.ROUTE)).json())["updated_us"])

        await eventually("the name is told", told)
        assert server.connections == calls
        assert server.provider.heard[0].words == ("good 127.0.0.1",)
        found = await (await client.get(handlers.ROUTE)).json()
        assert (found["address"], found["heard"], found["open"]) == ("127.0.0.1", "127.0.0.1", False)
