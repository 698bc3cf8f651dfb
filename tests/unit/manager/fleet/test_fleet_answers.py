"""What a manager says of the fleet: to whom it tells addresses, and the matrix from the results of every output."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.app import make_app
from hoploom.manager.fleet import attaching, measured
from hoploom.manager.registry import REGISTRY
from hoploom.manager.settings import Settings
from hoploom.wire.ad_bodies import WorkerBody
from people_made import signed_in
from unit.manager.ads_made import ad_of, enveloped
from unit.manager.test_page import Put

CAMPAIGNS = [
    {"campaign": {"id": "older", "apart": True, "created_at_us": 1, "probe": {}}},
    {"campaign": {"id": "fleet-1", "apart": True, "created_at_us": 2, "probe": {"kind": "ping"}}},
    {"campaign": {"id": "shared", "created_at_us": 3, "probe": {}}},
    {"campaign": {"id": "paths", "apart": True, "created_at_us": 4, "probe": {"kind": "trace"}}},
]


def rows(worker: str, address: str, count: int, received: int = 10) -> list[dict[str, Any]]:
    """Newest first, as outputs list them."""
    return [
        {"worker": worker, "address": address, "at_us": at, "sent": 10, "received": received, "rtt_avg_us": 1000,
         "row": at}
        for at in range(count, 0, -1)
    ]  # fmt: skip


class World:
    """An input and two outputs that tell what a test lets them."""

    def __init__(self) -> None:
        self.stored: list[list[dict[str, Any]]] = [[], []]
        self.campaigns = CAMPAIGNS
        self.asked: list[str] = []

    def output(self, number: int) -> web.Application:
        async def answer(request: web.Request) -> web.Response:
            self.asked.append(request.query["campaign"])
            before, limit = int(request.query.get("before", 10**9)), int(request.query["limit"])
            found = [each for each in self.stored[number] if each["row"] < before][:limit]
            return web.json_response({"results": found})

        app = web.Application()
        app.router.add_get("/api/v1/results", answer)
        return app

    def input(self) -> web.Application:
        async def answer(_: web.Request) -> web.Response:
            return web.json_response({"campaigns": self.campaigns})

        app = web.Application()
        app.router.add_get("/api/v1/campaigns", answer)
        return app


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def manager(on_mesh: Put, fake_consul: FakeConsul, world: World, tmp_path: Path) -> Any:
    (tmp_path / "operator").write_text("secret", encoding="utf-8")
    settings = Settings(fabio_addr="http://127.0.0.1:1", operator_token_file=str(tmp_path / "operator"))
    one, two = TestServer(world.output(0)), TestServer(world.output(1))
    async with TestServer(world.input()) as first, one, two:
        fake_consul.add_instance("input", "127.0.0.1", first.port or 0)
        for each in (one, two):
            fake_consul.add_instance("output", "127.0.0.1", each.port or 0)
        app = on_mesh(make_app(settings))
        async with TestClient(TestServer(app), headers=await signed_in(fake_consul)) as client:
            for name, address in (("attic", "192.0.2.1"), ("barn", "192.0.2.2")):
                ad = ad_of(id=name, body=WorkerBody(addresses=(address,)))
                app[REGISTRY].hear(ad, enveloped(ad))
            yield client


async def test_addresses_are_told_to_operators_alone(manager: Any) -> None:
    assert (await manager.get("/api/v1/fleet")).status == 403
    answer = await manager.get("/api/v1/fleet", headers={"Authorization": "Bearer secret"})
    assert (await answer.json())["workers"] == [
        {"name": "attic", "addresses": ["192.0.2.1"]}, {"name": "barn", "addresses": ["192.0.2.2"]}
    ]  # fmt: skip


async def test_the_matrix_is_of_the_newest_campaign_of_the_fleet_and_of_all_outputs(manager: Any, world: World) -> None:
    world.stored = [rows("attic", "192.0.2.2", 3), rows("barn", "192.0.2.1", 3, received=5)]
    found = await (await manager.get("/api/v1/fleet/matrix")).json()
    assert (found["campaign"], found["workers"], set(world.asked)) == ("fleet-1", ["attic", "barn"], {"fleet-1"})
    assert [(each["source"], each["destination"], each["loss"], each["bad"]) for each in found["pairs"]] == [
        ("attic", "barn", 0.0, False), ("barn", "attic", 0.5, True)
    ]  # fmt: skip
    assert "192.0.2" not in str(found)


async def test_what_two_outputs_have_counts_once_and_pages_are_read_to_their_end(
    manager: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "PAGE", 2)
    world.stored = [rows("attic", "192.0.2.2", 5), rows("attic", "192.0.2.2", 5)]
    [pair] = (await (await manager.get("/api/v1/fleet/matrix?campaign=older")).json())["pairs"]
    assert (pair["rounds"], set(world.asked)) == (5, {"older"})


async def test_a_fleet_that_was_never_measured_is_not_found(manager: Any, world: World) -> None:
    world.campaigns = CAMPAIGNS[2:]
    answer = await manager.get("/api/v1/fleet/matrix")
    assert (answer.status, "hoploom map @fleet" in await answer.text()) == (404, True)
    assert (await manager.get("/api/v1/fleet/matrix?campaign=../x")).status == 404


async def test_metrics_name_the_bad_pairs_and_forget_them_when_they_are_well(manager: Any, world: World) -> None:
    world.stored = [rows("attic", "192.0.2.2", 3), rows("barn", "192.0.2.1", 3, received=5)]
    await attaching._look(manager.app)
    page = await (await manager.get("/metrics")).text()
    assert 'destination="attic"' in page and 'state="bad"} 1.0' in page
    world.stored = [rows("attic", "192.0.2.2", 3), rows("barn", "192.0.2.1", 3)]
    await attaching._look(manager.app)
    page = await (await manager.get("/metrics")).text()
    assert 'destination="attic"' not in page and 'state="bad"} 0.0' in page
