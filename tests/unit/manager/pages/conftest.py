"""A manager with an input instance behind it, and people of each role who look at its pages."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from hoploom.input_service import app as input_app
from hoploom.input_service import settings as input_settings
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import MESH
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.settings import Settings
from hoploom.manager.sight import SIGHT
from hoploom.wire.people import Role
from people_made import signed_in
from waiting import eventually

Browser = TestClient[web.Request, web.Application]
Browsers = Callable[[Role], Awaitable[Browser]]


@pytest.fixture
async def inputs(on_mesh: OnMesh, tmp_path: Path) -> AsyncIterator[web.Application]:
    """An input instance, serving."""
    (tmp_path / "operator").write_text("operator-secret\n")
    settings = input_settings.Settings(operator_token_file=str(tmp_path / "operator"))
    app = on_mesh(input_app.make_app(settings), background=True)
    app[MESH].port = unused_port()
    async with TestServer(app, port=app[MESH].port):
        overlay = app[input_app.PARTS].overlay
        await eventually("the overlay is known", lambda: overlay.current is not None)
        yield app


@pytest.fixture
async def browsers(
    on_mesh: OnMesh, fake_consul: FakeConsul, inputs: web.Application, tmp_path: Path
) -> AsyncIterator[Browsers]:
    """A browser of somebody with a role; all of them at one manager."""
    app = on_mesh(make_app(Settings(operator_token_file=str(tmp_path / "operator"))))
    async with TestServer(app) as server:
        opened: list[Browser] = []

        async def browser(role: Role) -> Browser:
            headers = {**await signed_in(fake_consul, role), "Accept": "text/html"}
            client = cast(Browser, TestClient(server, headers=headers))
            opened.append(client)
            await app[SIGHT].fresh()
            return client

        yield browser
        for each in opened:
            await each.session.close()
