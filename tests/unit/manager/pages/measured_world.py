"""A manager between a stub of input and two real outputs, for the tests of pages about what was measured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.measures.gathering import GATHERING, Gathered, Picture
from hoploom.manager.registry import REGISTRY
from hoploom.manager.settings import Settings
from hoploom.manager.sight import SIGHT
from hoploom.output_service.app import make_app as make_output
from hoploom.output_service.handlers import STORE
from hoploom.output_service.settings import Settings as OutputSettings
from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.batch import Batch
from hoploom.wire.cell_table import CellTable
from hoploom.wire.rollup import Place
from people_made import signed_in
from unit.manager.ads_made import ad_of, enveloped

NUMBER = 2_000_000_001
Client = TestClient[web.Request, web.Application]


def campaign(name: str = "first-map", number: int = NUMBER, **fields: Any) -> dict[str, Any]:
    """A campaign as input tells it."""
    made = {"id": name, "name": name, "number": number, "targets": 10, "probe": {"count": 1}, **fields}
    return {"campaign": made, "groups": {}}


class Known:
    """Stands in for what is gathered."""

    def __init__(self) -> None:
        """Nothing was gathered yet."""
        self.found = Gathered(Picture(CellTable.empty(NUMBER)))

    async def of(self, _: int, *, waits: bool = True) -> Gathered:
        """See `Gathering.of`."""
        return self.found


@dataclass
class World:
    """All of it.

    Attributes:
        client: Somebody who is signed in.
        app: The manager.
        outputs: The two outputs.
        campaigns: What input tells; may be changed.
        known: What is gathered.
    """

    client: Client
    app: web.Application
    outputs: Sequence[web.Application]
    campaigns: list[dict[str, Any]]
    known: Known

    async def store(self, *batches: Batch) -> None:
        """Store batches, at one output and the other in turn."""
        for number, each in enumerate(batches):
            await self.outputs[number % 2][STORE].append(each)

    def measured(self, cells: CellTable, *places: Place, silent: tuple[str, ...] = ()) -> None:
        """Have this gathered."""
        self.known.found = Gathered(Picture(cells, places), self.known.found.version + 1, 0.0, silent)

    def hear(self, name: str, **body: Any) -> None:
        """Hear of a worker."""
        ad = ad_of(id=name, body=WorkerBody(**body))
        self.app[REGISTRY].hear(ad, enveloped(ad))

    async def page(self, path: str, status: int = 200) -> str:
        """A page, as it is after a look."""
        await self.app[SIGHT].fresh()
        answer = await self.client.get(path, headers={"Accept": "text/html"})
        text = await answer.text()
        assert answer.status == status, text
        return text


@asynccontextmanager
async def world(
    tmp_path: Path, fake_consul: FakeConsul, on_mesh: OnMesh, outputs: Sequence[str] = ("one", "other")
) -> AsyncIterator[World]:
    """The manager with its neighbours; so many outputs as have a name."""
    campaigns = [campaign()]

    async def listed(_: web.Request) -> web.Response:
        return web.json_response({"campaigns": campaigns})

    stub = web.Application()
    stub.router.add_get("/api/v1/campaigns", listed)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(stub))
        fake_consul.add_instance("input", "127.0.0.1", server.port or 0)
        stores = []
        for name in outputs:
            output = on_mesh(make_output(OutputSettings(db_dir=tmp_path / name)))
            server = await stack.enter_async_context(TestServer(output))
            meta = {"store": output[STORE].uuid}
            fake_consul.add_instance("output", "127.0.0.1", server.port or 0, meta=meta)
            stores.append(output)
        app = on_mesh(make_app(Settings(fabio_addr="http://127.0.0.1:1")))
        known, shown = Known(), await signed_in(fake_consul)

        async def stand_in(app: web.Application) -> None:
            app[GATHERING] = cast(Any, known)

        app.on_startup.append(stand_in)
        client = await stack.enter_async_context(TestClient(TestServer(app), headers=shown))
        yield World(client, app, stores, campaigns, known)
