"""A manager's cells are those of all outputs together, taken once and then by what changed."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler, Middleware

from hoploom import kit
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager import gathering as shared
from hoploom.manager.measures import gathering
from hoploom.manager.measures.gathering import Gathered
from hoploom.output_service.app import make_app
from hoploom.output_service.handlers import STORE
from hoploom.output_service.rollups import handlers as asked
from hoploom.output_service.rollups.handlers import ROLLING
from hoploom.output_service.settings import Settings
from hoploom.wire.rollup import FINE_S
from unit.wire.batches import make

CAMPAIGN = make().campaign_number


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the first cells, and every campaign is due."""
    monkeypatch.setattr(shared, "FIRST_S", 0.0)
    monkeypatch.setattr(gathering, "PACE", replace(gathering.PACE, look_s=0.0))


@dataclass
class Output:
    """An output in this process, and what it was asked."""

    app: web.Application
    server: TestServer
    requests: list[tuple[str, int]] = field(default_factory=list)

    async def take(self, *numbers: int, rows: int = 6) -> None:
        for number in numbers:
            await self.app[STORE].append(make(number, rows))
        while await self.app[ROLLING].step():
            pass


@pytest.fixture
async def outputs(on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path) -> AsyncIterator[list[Output]]:
    """Two outputs that the mesh knows, and an input service that knows no campaign."""
    async with contextlib.AsyncExitStack() as stack:
        nobody = web.Application()
        nobody.add_routes([web.get("/{path:.+}", _knows_nothing)])
        nothing = await stack.enter_async_context(TestServer(nobody))
        fake_consul.add_instance("input", "127.0.0.1", nothing.port or 0)
        found = []
        for name in "ab":
            app = on_mesh(make_app(Settings(db_dir=tmp_path / name)))
            output = Output(app, TestServer(app))
            app.middlewares.append(_counting(output.requests))
            await stack.enter_async_context(TestClient(output.server))
            fake_consul.add_instance("output", "127.0.0.1", output.server.port or 0)
            found.append(output)
        yield found


async def _knows_nothing(_: web.Request) -> web.Response:
    return web.json_response({"title": "Not found"}, status=404, content_type="application/problem+json")


def _counting(requests: list[tuple[str, int]]) -> Middleware:
    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        requests.append((request.path, answer.status))
        return answer

    return count


@pytest.fixture
async def manager(on_mesh: OnMesh) -> AsyncIterator[web.Application]:
    app = web.Application()
    kit.setup(app, name="manager", routes=["/"])
    on_mesh(app)
    gathering.attach(app, "")
    async with TestClient(TestServer(app)):
        yield app


async def looked(manager: web.Application) -> Gathered:
    """What is known after another look."""
    await manager[gathering.GATHERING].refresh()
    return await gathering.cells(manager, CAMPAIGN)


@pytest.fixture
async def first(manager: web.Application) -> Gathered:
    """What a page gets before any output was asked."""
    return await gathering.cells(manager, CAMPAIGN)


async def test_cells_that_are_gathered_anew_are_no_version_of_before(
    outputs: list[Output], manager: web.Application, first: Gathered
) -> None:
    """Sums are kept by the version."""
    manager[gathering.GATHERING].pace = replace(gathering.PACE, kept=1)
    await outputs[0].take(0, 1)
    before = await looked(manager)
    await gathering.cells(manager, CAMPAIGN + 1)
    await gathering.cells(manager, CAMPAIGN)
    assert (await looked(manager)).version > before.version > first.version


async def test_cells_of_two_outputs_are_one_picture(
    outputs: list[Output], manager: web.Application, first: Gathered
) -> None:
    await outputs[0].take(0, 1)
    await outputs[1].take(2)
    found = await looked(manager)
    [cell] = found.whole.cells.where(FINE_S).by("worker", "network").cells()
    assert (cell.worker, cell.network, cell.targets, cell.answered) == ("pi-7", "10.0.0.0/8", 18, 12)
    assert cell.p50_us == pytest.approx(102, rel=0.26)
    assert (first.version, found.version, found.silent) == (0, 1, ())


async def test_what_has_not_changed_is_not_sent_again(
    outputs: list[Output], manager: web.Application, first: Gathered
) -> None:
    await outputs[0].take(0)
    before = await looked(manager)
    for each in outputs:
        each.requests.clear()
    assert (await looked(manager)).version == before.version
    assert {status for each in outputs for _, status in each.requests} == {304}
    await outputs[0].take(1)
    found = await looked(manager)
    assert found.version == before.version + 1
    assert sum(each.targets for each in found.whole.cells.where(FINE_S).cells()) == 12


async def test_many_cells_come_page_by_page(
    outputs: list[Output], manager: web.Application, first: Gathered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "MOST", 3)
    for number in range(5):
        await outputs[0].app[STORE].append(make(number, worker=f"w{number}"))
    while await outputs[0].app[ROLLING].step():
        pass
    found = await looked(manager)
    assert [each.worker for each in found.whole.cells.where(FINE_S).cells()] == [f"w{number}" for number in range(5)]


async def test_sums_that_were_made_anew_replace_those_before(
    outputs: list[Output], manager: web.Application, first: Gathered
) -> None:
    await outputs[0].take(0)
    await looked(manager)
    sums = outputs[0].app[ROLLING]._sums
    assert sums is not None
    sums.renew("a test", "test")
    await outputs[0].take(1)
    found = await looked(manager)
    assert sum(each.targets for each in found.whole.cells.where(FINE_S).cells()) == 12


async def test_an_output_that_is_away_keeps_its_cells_and_is_named(
    outputs: list[Output], manager: web.Application, first: Gathered
) -> None:
    await outputs[0].take(0)
    await outputs[1].take(1)
    before = await looked(manager)
    await outputs[1].server.close()
    found = await looked(manager)
    assert len(found.silent) == 1
    assert found.whole.cells.cells() == before.whole.cells.cells()


async def test_outputs_that_let_nobody_else_read_are_shown_the_meshs_token(
    on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoploom.output_service.rollups.naming.PATIENCE_S", 0.0)
    token = tmp_path / "token"
    token.write_text("secret\n")
    settings = Settings(db_dir=tmp_path / "db", worker_token_file=str(token), open_reading=False)
    output = Output(app := on_mesh(make_app(settings)), TestServer(app))
    async with TestClient(output.server) as client:
        fake_consul.add_instance("output", "127.0.0.1", output.server.port or 0)
        await output.take(0)
        assert (await client.get(f"{asked.CELLS}?campaign={CAMPAIGN}")).status == 401
        for shown, cells in (("secret", 2), ("another", 0)):
            manager = web.Application()
            kit.setup(manager, name="manager", routes=["/"])
            gathering.attach(on_mesh(manager), shown)
            async with TestClient(TestServer(manager)):
                await gathering.cells(manager, CAMPAIGN)
                assert len((await looked(manager)).whole.cells) == cells


async def test_nobody_is_asked_for_what_nobody_looks_at(
    outputs: list[Output], manager: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await manager[gathering.GATHERING].refresh()
    monkeypatch.setattr(shared, "LOOKED_AT_S", -1.0)
    await gathering.cells(manager, CAMPAIGN)
    await manager[gathering.GATHERING].refresh()
    assert not outputs[0].requests


async def test_few_campaigns_are_kept(manager: web.Application) -> None:
    gathered = manager[gathering.GATHERING]
    for number in range(gathering.PACE.kept + 3):
        await gathered.of(number)
    assert len(gathered) == gathering.PACE.kept
