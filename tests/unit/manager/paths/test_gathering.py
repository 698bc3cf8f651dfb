"""A manager's graph is that of all outputs together, and is renewed by what changed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager import gathering as shared
from hoploom.manager.paths import gathering
from hoploom.manager.paths.gathering import GATHERING, Gathered
from unit.manager.paths.made_mesh import Output, outputs
from unit.wire.traces import traced


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the first links, and every graph is due."""
    monkeypatch.setattr(shared, "FIRST_S", 0.0)
    monkeypatch.setattr(gathering, "PACE", replace(gathering.PACE, look_s=0.0, share=0.0))


@pytest.fixture
async def two(on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path) -> AsyncIterator[list[Output]]:
    async with outputs(on_mesh, fake_consul, tmp_path) as found:
        yield found


@pytest.fixture
async def manager(on_mesh: OnMesh) -> AsyncIterator[web.Application]:
    app = web.Application()
    kit.setup(app, name="manager", routes=["/"])
    on_mesh(app)
    gathering.attach(app, "")
    async with TestClient(TestServer(app)):
        yield app


async def looked(manager: web.Application, campaign: int | None = None) -> Gathered:
    """What is known after another look."""
    await manager[GATHERING].of(campaign)
    await manager[GATHERING].refresh()
    return await manager[GATHERING].of(campaign)


async def test_a_graph_that_is_gathered_anew_is_no_version_of_before(
    two: list[Output], manager: web.Application
) -> None:
    """Drawings are kept by the version."""
    manager[GATHERING].pace = replace(gathering.PACE, kept=1)
    await two[0].take(traced(0, 6, worker="a"))
    first = await looked(manager)
    await looked(manager, 7)
    assert (await looked(manager)).version > first.version > 0


async def test_links_of_two_outputs_are_one_graph(two: list[Output], manager: web.Application) -> None:
    first = await manager[GATHERING].of(None)
    await two[0].take(traced(0, 6, worker="a"))
    await two[1].take(traced(1, 6, worker="b"))
    found = await looked(manager)
    graph = found.whole.graph
    # Two routers and twelve targets, of which every third does not answer and a router stands in its place.
    assert graph.workers == ("a", "b") and len(graph.addresses) == 3 + 8
    assert (first.version, first.whole.graph.nodes, found.version, found.silent) == (0, 0, 1, ())
    assert graph.count[graph.near == 0].sum() == 3


async def test_what_has_not_changed_keeps_its_version(two: list[Output], manager: web.Application) -> None:
    await two[0].take(traced(0, 6, campaign_number=2_000_000_001))
    before = await looked(manager)
    again = await looked(manager)
    assert again.version == before.version and again.whole is before.whole
    await two[1].take(traced(1, 6, campaign_number=2_000_000_002))
    found = await looked(manager)
    assert found.version == before.version + 1 and len(found.whole.graph.near) > len(before.whole.graph.near)
    of_one = await looked(manager, 2_000_000_001)
    assert len(of_one.whole.graph.near) == len(before.whole.graph.near)


async def test_an_output_that_is_away_keeps_its_links_and_is_named(two: list[Output], manager: web.Application) -> None:
    await two[0].take(traced(0, 6))
    await two[1].take(traced(1, 6))
    before = await looked(manager)
    await two[1].server.close()
    found = await looked(manager)
    assert len(found.silent) == 1 and len(found.whole.graph.near) == len(before.whole.graph.near)


async def test_few_graphs_are_kept(manager: web.Application) -> None:
    for number in range(gathering.PACE.kept + 3):
        await manager[GATHERING].of(number)
    assert len(manager[GATHERING]) == gathering.PACE.kept
