"""Every route of a manager, and whom it lets in: security list, line 1."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager import access
from hoploom.manager.app import make_app
from hoploom.manager.push.handlers import FEED
from hoploom.manager.sessions import book
from hoploom.manager.settings import Settings
from hoploom.wire.api import TABLES
from hoploom.wire.api.describing import ADMIN, ANYBODY, OPERATOR, READER, VIEWER
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, packed
from hoploom.wire.people import Role
from people_made import signed_in
from unit.trust.issuing import bearer, publish
from waiting import eventually

Manager = TestClient[web.Request, web.Application]
NOBODY, WORKER, OTHER, MESH, TOKEN = "nobody", "worker", "other", "mesh", "token"
SHOWN = {
    NOBODY: {},
    WORKER: bearer("pi-1"),
    OTHER: bearer("pi-2"),
    MESH: {"Authorization": "Bearer mesh"},
    TOKEN: {"Authorization": "Bearer token"},
}
ENROLLED = f"{WORKER} {OTHER}"
ADMINS = f"{TOKEN} {Role.ADMIN.word}"
OPERATORS = f"{TOKEN} {Role.OPERATOR.word} {Role.ADMIN.word}"
SIGNED_IN = " ".join(role.word for role in Role)
VIEWERS = f"{TOKEN} {SIGNED_IN}"
EVERYBODY = f"{NOBODY} {ENROLLED} {MESH} {VIEWERS}"
RELAYED = ("/leases", "/leases/l-1/renew", "/leases/l-1/done", "/leases/l-1/return", "/hops", "/results")
WHOSE = {ANYBODY: EVERYBODY, READER: EVERYBODY, VIEWER: VIEWERS, OPERATOR: OPERATORS, ADMIN: ADMINS}
"""By what the API's description says; what outputs and inputs keep for readers is open by default."""

OWN_WAY = {
    "GET /ads": MESH,
    "GET /managers": f"{ENROLLED} {MESH}",
    "GET /push": f"{WORKER} {MESH}",
    "* /gateway{path}": ENROLLED,
    # Nobody sends a name and a password here, and nobody's present password is empty.
    "POST /sign-in": "",
    "POST /account/password": "",
    # Who says where a form comes from is asked for a key.
    "POST /enter/key": SIGNED_IN,
    "POST /enter/password": SIGNED_IN,
    "POST /account/sessions": SIGNED_IN,
    # A person may not open a door for somebody else, but the mesh's owner may.
    "POST /api/v1/users/doors": TOKEN,
}
DOORS = {f"{each.method} {each.path}": WHOSE.get(each.who, "") for each in TABLES["manager"]} | OWN_WAY
"""By route: who is not turned away at once. What becomes of it then depends on what is sent."""


@pytest.fixture
async def manager(
    tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Manager]:
    # More people come than may be looked up in a second, and 503 would look like being let in.
    monkeypatch.setattr(book, "LOOKS_AT_ONCE", 100_000.0)
    for name in (MESH, TOKEN):
        (tmp_path / name).write_text(name)
    settings = Settings(worker_token_file=str(tmp_path / MESH), operator_token_file=str(tmp_path / TOKEN))
    await publish(fake_consul)
    # Where nobody listens: whoever is let in is told that the service is away.
    for service in ("input", "output"):
        fake_consul.add_instance(service, "127.0.0.1", 1)
    await fake_consul.kv_put(KEY, packed(OverlayDocument(version=1)))
    async with TestClient(TestServer(on_mesh(make_app(settings), background=True))) as client:
        feed = client.server.app[FEED]  # type: ignore[attr-defined]
        await eventually("who is revoked is known", lambda: feed.version == 1)
        yield client


async def _everybody(fake_consul: FakeConsul) -> dict[str, dict[str, str]]:
    return SHOWN | {role.word: await signed_in(fake_consul, role) for role in Role}


async def _let_in(manager: Manager, shown: dict[str, dict[str, str]], method: str, path: str) -> str:
    found = []
    for who, headers in shown.items():
        sent: dict[str, str] | None = None if method == "GET" else {}
        async with manager.request(method, path, headers=headers, json=sent, allow_redirects=False) as answer:
            assert answer.status != 500, (who, method, path)
            if answer.content_type != "text/event-stream":
                await answer.read()
            found += [who] if answer.status not in (401, 403) else []
    return " ".join(found)


def _asked(door: str) -> tuple[str, str]:
    method, path = door.split()
    filled = path.replace("{name}", "pi-1").replace("{filename}", "live.js").replace("{act}", "pause")
    return method, re.sub(r"{\w+}", "c-1", filled) + ("?worker=pi-1" if path == "/push" else "")


async def test_every_route_lets_in_whom_its_description_names_and_nobody_else(
    manager: Manager, fake_consul: FakeConsul
) -> None:
    found = {}
    for door in DOORS:
        if not door.startswith("*"):
            # Anew each time: one of the doors leads out.
            found[door] = await _let_in(manager, await _everybody(fake_consul), *_asked(door))
    assert found == {door: whose for door, whose in DOORS.items() if not door.startswith("*")}


def test_what_a_route_needs_is_what_its_description_says() -> None:
    app, said = make_app(Settings()), {f"{each.method} {each.path}": each.who for each in TABLES["manager"]}
    needs = {f"{method} {where.canonical}": need for (where, method), need in app[access._NEEDS].items() if where}
    assert {door for door, need in needs.items() if need and said.get(door) != need.word} == set()


@pytest.mark.parametrize("path", [*RELAYED, "/api/v1/overlay", f"/api/v1/sets/{'0' * 64}"])
async def test_the_gateway_relays_for_enrolled_workers_alone(
    manager: Manager, fake_consul: FakeConsul, path: str
) -> None:
    method = "POST" if path in RELAYED else "GET"
    assert await _let_in(manager, await _everybody(fake_consul), method, f"/gateway{path}") == ENROLLED
