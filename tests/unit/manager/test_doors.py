"""Every route of a manager, and whom it lets in: security list, line 1."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.push.handlers import FEED
from hoploom.manager.settings import Settings
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, packed
from unit.trust.issuing import bearer, publish
from waiting import eventually

Manager = TestClient[web.Request, web.Application]
NOBODY, WORKER, OTHER, MESH, OPERATOR = "nobody", "worker", "other", "mesh", "operator"
SHOWN = {
    NOBODY: {},
    WORKER: bearer("pi-1"),
    OTHER: bearer("pi-2"),
    MESH: {"Authorization": "Bearer mesh"},
    OPERATOR: {"Authorization": "Bearer operator"},
}
ENROLLED = f"{WORKER} {OTHER}"
EVERYBODY = f"{NOBODY} {ENROLLED} {MESH} {OPERATOR}"
RELAYED = ("/leases", "/leases/l-1/renew", "/leases/l-1/done", "/leases/l-1/return", "/hops", "/results")
DOORS = {
    "GET /": EVERYBODY,
    "GET /api/v1/overview": EVERYBODY,
    "GET /api/v1/summary/{campaign}": EVERYBODY,
    "GET /static": EVERYBODY,
    "GET /health": EVERYBODY,
    "GET /ready": EVERYBODY,
    "GET /routed": EVERYBODY,
    "GET /load": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /join": EVERYBODY,
    "GET /archives/{name}": EVERYBODY,
    "GET /live": EVERYBODY,
    "GET /broker": EVERYBODY,
    "GET /api/v1/dyfi": EVERYBODY,
    "GET /api/v1/fleet/matrix": EVERYBODY,
    # What is sent there proves by itself whose it is.
    "POST /ads": EVERYBODY,
    "POST /api/v1/workers/enrol": EVERYBODY,
    "POST /api/v1/workers/challenge": EVERYBODY,
    "POST /api/v1/workers/renew": EVERYBODY,
    "POST /api/v1/workers/leave": EVERYBODY,
    "GET /ads": MESH,
    "GET /managers": f"{ENROLLED} {MESH}",
    "GET /push?worker=pi-1": f"{WORKER} {MESH}",
    "GET /api/v1/fleet": OPERATOR,
    "GET /api/v1/workers": OPERATOR,
    "GET /api/v1/workers/{name}": OPERATOR,
    "DELETE /api/v1/workers/{name}": OPERATOR,
    "POST /api/v1/workers/invites": OPERATOR,
    "POST /api/v1/workers/{name}/run": OPERATOR,
    "POST /api/v1/workers/{name}/settings": OPERATOR,
    "POST /api/v1/dyfi/resume": OPERATOR,
    "* /gateway{path}": ENROLLED,
    "* /{path}": EVERYBODY,
}
"""By route: who is not turned away at once. What becomes of it then depends on what is sent."""


@pytest.fixture
async def manager(tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[Manager]:
    for name in (MESH, OPERATOR):
        (tmp_path / name).write_text(name)
    settings = Settings(worker_token_file=str(tmp_path / MESH), operator_token_file=str(tmp_path / OPERATOR))
    await publish(fake_consul)
    # Where nobody listens: whoever is let in is told that the service is away.
    for service in ("input", "output"):
        fake_consul.add_instance(service, "127.0.0.1", 1)
    await fake_consul.kv_put(KEY, packed(OverlayDocument(version=1)))
    async with TestClient(TestServer(on_mesh(make_app(settings), background=True))) as client:
        feed = client.server.app[FEED]  # type: ignore[attr-defined]
        await eventually("who is revoked is known", lambda: feed.version == 1)
        yield client


def _routes(manager: Manager) -> set[str]:
    app: web.Application = manager.server.app  # type: ignore[attr-defined]
    found = {(each.method, each.resource.canonical) for each in app.router.routes() if each.resource}
    return {f"{method} {path}" for method, path in found if method != "HEAD"}


async def test_every_route_says_here_whom_it_lets_in(manager: Manager) -> None:
    assert _routes(manager) == {door.partition("?")[0] for door in DOORS}


async def _let_in(manager: Manager, method: str, path: str) -> str:
    found = []
    for who, shown in SHOWN.items():
        async with manager.request(method, path, headers=shown, json=None if method == "GET" else {}) as answer:
            assert answer.status != 500, (who, method, path)
            found += [who] if answer.status not in (401, 403) else []
    return " ".join(found)


@pytest.mark.parametrize("door", [door for door in DOORS if not door.startswith("*")])
async def test_nobody_else_is_let_in(manager: Manager, door: str) -> None:
    method, path = door.split()
    filled = path.replace("{name}", "pi-1").replace("{campaign}", "c-1").replace("/static", "/static/live.js")
    assert await _let_in(manager, method, filled) == DOORS[door]


@pytest.mark.parametrize("path", [*RELAYED, "/api/v1/overlay", f"/api/v1/sets/{'0' * 64}"])
async def test_the_gateway_relays_for_enrolled_workers_alone(manager: Manager, path: str) -> None:
    method = "POST" if path in RELAYED else "GET"
    assert await _let_in(manager, method, f"/gateway{path}") == ENROLLED
