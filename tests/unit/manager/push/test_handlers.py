"""Push over HTTP: who may listen, who may command, and what comes of a command."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.enrolment.records import worker_key
from hoploom.manager.push import handlers
from hoploom.manager.settings import Settings
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, packed
from hoploom.wire.push import encoded
from people_made import signed_in
from unit.trust.issuing import bearer, publish
from waiting import eventually

Manager = TestClient[web.Request, web.Application]
MESH, OPERATOR = {"Authorization": "Bearer mesh"}, {"Authorization": "Bearer operator"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("mesh", "operator"):
        (tmp_path / name).write_text(name)
    return Settings(worker_token_file=str(tmp_path / "mesh"), operator_token_file=str(tmp_path / "operator"))


@pytest.fixture
async def managers(on_mesh: OnMesh, fake_consul: FakeConsul, settings: Settings) -> AsyncIterator[list[Manager]]:
    """Two that follow the same keys."""
    await publish(fake_consul)
    await fake_consul.kv_put(worker_key("pi-1"), b"joined")
    await fake_consul.kv_put(KEY, packed(OverlayDocument(version=3, revoked=("pi-bad",))))
    async with (
        TestClient(TestServer(on_mesh(make_app(settings), background=True))) as one,
        TestClient(TestServer(on_mesh(make_app(settings), background=True))) as other,
    ):
        found = [each.server.app[handlers.FEED] for each in (one, other)]  # type: ignore[attr-defined]
        await eventually("both know the overlay", lambda: [each.version for each in found] == [3, 3])
        yield [one, other]


async def _hears(stream: ClientResponse, words: bytes) -> None:
    async with asyncio.timeout(30):
        assert words in await stream.content.readuntil(words)


async def test_who_listens_is_told_what_holds_and_then_what_changes_by_any_manager(
    managers: list[Manager], fake_consul: FakeConsul
) -> None:
    one, other = managers
    async with one.get("/push?worker=pi-1", headers=bearer()) as stream:
        await _hears(stream, encoded("orders", version=3))
        await fake_consul.kv_put(KEY, packed(OverlayDocument(version=4, paused=True)))
        await _hears(stream, encoded("orders", version=4))
        answer = await other.post("/api/v1/workers/pi-1/settings", json={"v": 1, "rate_pps": 50}, headers=OPERATOR)
        assert (answer.status, (await answer.json())["settings"]) == (200, {"rate_pps": 50})
        await _hears(stream, encoded("settings", worker="pi-1", rate_pps=50))
        for count in (1, 2):
            assert (await (await other.post("/api/v1/workers/all/run", headers=OPERATOR)).json())["run"] == count
        await _hears(stream, encoded("run", worker="all", run=2))


async def test_a_worker_that_is_removed_listens_no_longer(managers: list[Manager], fake_consul: FakeConsul) -> None:
    async with managers[0].get("/push?worker=pi-1", headers=bearer()) as stream:
        await _hears(stream, encoded("orders", version=3))
        await fake_consul.kv_delete(worker_key("pi-1"))
        async with asyncio.timeout(30):
            await stream.content.read()


async def test_a_page_is_told_when_it_is_old(managers: list[Manager], fake_consul: FakeConsul) -> None:
    server = managers[0].server
    kit.mesh(server.app).port = server.port or 0  # type: ignore[attr-defined]
    async with managers[0].get("/live", headers=await signed_in(fake_consul)) as stream:
        await _hears(stream, encoded("page"))


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?worker=any-1", MESH, 200),
        ("?worker=pi-1", bearer(), 200),
        ("?worker=pi-2", bearer(), 403),
        ("?worker=pi-bad", bearer("pi-bad"), 403),
        ("?worker=pi-bad", MESH, 403),
        ("?worker=pi-1", {}, 401),
        ("", MESH, 400),
        ("?worker=a/b", MESH, 400),
    ],
    ids=["the mesh's own", "an enrolled one", "for another", "revoked", "revoked, with the mesh's token", "a stranger",
         "without a name", "no name"],
)  # fmt: skip
async def test_a_worker_listens_as_itself(
    managers: list[Manager], query: str, headers: dict[str, str], status: int
) -> None:
    async with managers[0].get(f"/push{query}", headers=headers) as answer:
        assert answer.status == status


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("pi-1/run", None, OPERATOR, 200),
        ("pi-1/run", None, MESH, 401),
        ("pi-1/settings", {"v": 1, "rate_pps": 0}, OPERATOR, 200),
        ("pi-1/settings", {"v": 1, "rate_pps": 0}, bearer(), 401),
        ("pi-1/settings", {"v": 1, "rate_pps": -1}, OPERATOR, 422),
        ("pi-1/settings", {"v": 1, "rate": 5}, OPERATOR, 422),
        ("pi-1/settings", {"v": 1}, OPERATOR, 400),
        ("a%20b/run", None, OPERATOR, 422),
        ("pi-2/run", None, OPERATOR, 404),
        ("mesh-1/run", None, OPERATOR, 200),
        ("all/settings", {"v": 1, "rate_pps": 7}, OPERATOR, 200),
    ],
)
async def test_operators_command_whom_they_know_and_nobody_else_does(
    managers: list[Manager], fake_consul: FakeConsul, path: str, body: object, headers: dict[str, str], status: int
) -> None:
    fake_consul.add_instance("ping", "127.0.0.1", 1, meta={"worker": "mesh-1"})
    answer = await managers[0].post(f"/api/v1/workers/{path}", json=body, headers=headers)
    assert answer.status == status, await answer.text()
