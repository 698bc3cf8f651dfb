"""The role inside output instances: one collects, those without the set stay away and say so."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit import session
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.output_service import app as output
from hoploom.output_service.collecting import role, serving
from hoploom.output_service.settings import Settings
from hoploom.results.data_set import DataSet
from lab.dump_server import TOKEN
from lab.result_files import write
from unit.output_service.collecting.conftest import STORES, World
from unit.wire.batches import make
from waiting import eventually

KEY = "hoploom/data-sets/main"
Client = Any


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(role, "AGAIN_S", 0.02)
    monkeypatch.setattr(session, "LOCK_DELAY_S", 0.0)


class Instances:
    """Output instances on the fake mesh, with a data set each or none."""

    def __init__(self, on_mesh: OnMesh, folder: Path) -> None:
        self._on_mesh, self._folder = on_mesh, folder
        (folder / "token").write_text(TOKEN)

    @asynccontextmanager
    async def instance(self, name: str, **settings: Any) -> AsyncIterator[Client]:
        chosen = Settings(
            db_dir=self._folder / name, worker_token_file=str(self._folder / "token"), collect_s=0.1, **settings
        )
        app = self._on_mesh(output.make_app(chosen), background=True)
        async with TestClient(TestServer(app)) as client:
            yield client
        # What its end would do; its session goes with it.
        await kit.mesh(app).consul.deregister(kit.mesh(app).id)


@pytest.fixture
def instances(on_mesh: OnMesh, world: World) -> Instances:
    return Instances(on_mesh, world.folder)


async def page(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = await (await client.get(serving.ROUTE)).json()
    return found


async def leads(client: Client) -> dict[str, Any] | None:
    found = await page(client)
    # Its own store is at no port that anybody could ask here.
    states = {each["store"]: each["state"] for each in found.get("stores", ())}
    return found if states.get(STORES[0]) == "collected" else None


async def test_an_instance_with_a_data_set_collects_and_says_so(instances: Instances, world: World) -> None:
    other = await world.output(0, make(0), make(1))
    async with instances.instance("one", data_set=str(world.data_set)) as client:
        found = await eventually("it collects", lambda: leads(client))
        assert (found["data_set"], found["leads"], found["why_not"]) == ("main", True, "")
        assert world.batches() == [make(0).batch, make(1).batch]
        assert other.confirmed[-1]["data_set_uuid"] == found["uuid"]
        assert "collects main: 2 stores" in await (await client.get("/ready")).text()


async def test_an_instance_without_one_has_no_such_page(instances: Instances) -> None:
    async with instances.instance("one") as client:
        assert (await client.get(serving.ROUTE)).status == 404


async def test_of_two_with_the_same_folder_one_collects_and_the_other_follows(
    instances: Instances, world: World
) -> None:
    output_ = await world.output(0, make(0))
    async with instances.instance("two", data_set=str(world.data_set)) as second:
        async with instances.instance("one", data_set=str(world.data_set)) as first:
            await eventually("one collects", lambda: leads(second))
            assert not (await page(first))["leads"]
            assert (await page(first))["why_not"] == ""
        output_.batches.append(make(1))
        await eventually("the rest is there", lambda: len(world.batches()) == 2)


async def test_an_instance_with_another_folder_stays_away_and_says_why(
    instances: Instances, world: World, fake_consul: FakeConsul
) -> None:
    await world.output(0, make(0))
    async with instances.instance("one", data_set=str(world.data_set)) as first:
        uuid = (await eventually("it collects", lambda: leads(first)))["uuid"]
    async with instances.instance("two", data_set=str(world.folder / "fresh")) as second:
        words = await eventually("it says why", lambda: why_not(second))
        assert f"--new-data-set={uuid}" in words
        assert words in await (await second.get("/ready")).text()
        entry = await fake_consul.kv_get("hoploom/roles/collect-main/.lock")
        assert entry and not entry.session
    assert not (world.folder / "fresh").exists()


async def why_not(client: Client) -> str:
    return str((await page(client)).get("why_not", ""))


async def test_a_leader_whose_set_was_given_up_elsewhere_leaves(
    instances: Instances, world: World, fake_consul: FakeConsul
) -> None:
    await world.output(0, make(0))
    async with instances.instance("one", data_set=str(world.data_set)) as client:
        await eventually("it collects", lambda: leads(client))
        await fake_consul.kv_put(KEY, json.dumps({"v": 1, "uuid": "another", "cursors": {}}).encode())
        assert "this folder holds" in await eventually("it says why", lambda: why_not(client))
        await eventually("it leads no more", lambda: is_follower(client))


async def test_a_set_that_is_given_up_is_filled_again_from_the_beginning(instances: Instances, world: World) -> None:
    output_ = await world.output(0, make(0), make(1))
    async with instances.instance("one", data_set=str(world.folder / "lost")) as client:
        lost = (await eventually("it collects", lambda: leads(client)))["uuid"]
    async with instances.instance("two", data_set=str(world.data_set), new_data_set=lost) as client:
        found = await eventually("it collects", lambda: leads(client))
    assert found["uuid"] != lost
    assert world.batches() == [make(0).batch, make(1).batch]
    assert [each["data_set_uuid"] for each in output_.confirmed] == [lost, found["uuid"]]


async def test_between_two_looks_others_may_import_into_the_set(instances: Instances, world: World) -> None:
    await world.output(0, make(0))
    async with instances.instance("one", data_set=str(world.data_set)) as client:
        await eventually("it collects", lambda: leads(client))
        imported = write(world.folder / "imported.db", STORES[2], [make(7)])
        data_set = await asyncio.to_thread(DataSet.open, world.data_set, "main", 10.0)
        await asyncio.to_thread(data_set.take, imported)
        data_set.close()
        assert world.batches() == [make(0).batch, make(7).batch]
        await eventually("it goes on", lambda: leads(client))


async def test_a_folder_that_cannot_be_read_is_waited_for(instances: Instances, world: World) -> None:
    world.data_set.mkdir()
    (world.data_set / "merged.db").write_bytes(b"no database at all" * 300)
    async with instances.instance("one", data_set=str(world.data_set)) as client:
        assert "cannot be read" in await eventually("it says why", lambda: why_not(client))
        assert (await client.get("/ready")).status == 200
        (world.data_set / "merged.db").unlink()
        await eventually("it leads", lambda: is_leader(client))


async def is_leader(client: Client) -> bool:
    return bool((await page(client)).get("leads"))


async def is_follower(client: Client) -> bool:
    return not await is_leader(client)
