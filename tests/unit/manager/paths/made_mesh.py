"""Outputs in this process that traceroutes are stored in, and an input service that knows no campaign."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.output_service.app import make_app
from hoploom.output_service.handlers import STORE
from hoploom.output_service.rollups.handlers import ROLLING
from hoploom.output_service.settings import Settings
from hoploom.wire.batch import Batch


@dataclass
class Output:
    """An output in this process."""

    app: web.Application
    server: TestServer

    async def take(self, *batches: Batch) -> None:
        """Store batches, and add them up."""
        for batch in batches:
            await self.app[STORE].append(batch)
        while await self.app[ROLLING].step():
            pass


@contextlib.asynccontextmanager
async def outputs(on_mesh: OnMesh, consul: FakeConsul, folder: Path, count: int = 2) -> AsyncIterator[list[Output]]:
    """So many outputs that the mesh knows."""
    async with contextlib.AsyncExitStack() as stack:
        nobody = web.Application()
        nobody.add_routes([web.get("/{path:.+}", _knows_nothing)])
        nothing = await stack.enter_async_context(TestServer(nobody))
        consul.add_instance("input", "127.0.0.1", nothing.port or 0)
        found = []
        for number in range(count):
            output = Output(app := on_mesh(make_app(Settings(db_dir=folder / str(number)))), TestServer(app))
            await stack.enter_async_context(TestClient(output.server))
            consul.add_instance("output", "127.0.0.1", output.server.port or 0)
            found.append(output)
        yield found


async def _knows_nothing(_: web.Request) -> web.Response:
    return web.json_response({"title": "Not found"}, status=404, content_type="application/problem+json")
