"""RIPE Atlas' own client reads this mesh over HTTPS, and its own reader its results."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ripe.atlas.cousteau import (
    AtlasLatestRequest,
    AtlasResultsRequest,
    Measurement,
    MeasurementRequest,
    Probe,
    ProbeRequest,
)
from ripe.atlas.cousteau.exceptions import APIResponseError
from ripe.atlas.sagan import Result

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.people import users
from hoploom.manager.people.kv_users import PREFIX
from hoploom.manager.people.users import User
from hoploom.output_service.handlers import STORE
from hoploom.trust.person_token import PersonToken, hashed, packed
from hoploom.wire.people import Role
from http_world import OPERATOR, World, http_world
from unit.wire.batches import make
from unit.wire.traces import traced
from waiting import eventually

T = TypeVar("T")
NUMBER = 2_000_000_003
REQUEST = {"v": 1, "blocks": ["127.0.0.0/28"], "allow_private": True, "per_prefix": "24:all"}


@pytest.fixture(name="world")
async def _world(tmp_path: Path, fake_consul: FakeConsul, on_mesh: OnMesh) -> AsyncIterator[World]:
    await fake_consul.kv_put("hoploom/ids/worker/pi-7", str(NUMBER).encode())
    async with http_world(tmp_path, fake_consul, on_mesh, tls=True) as world:
        yield world


async def campaign(world: World, made: str, **wishes: Any) -> int:
    """A new campaign; the number of its measurement."""
    request = {**REQUEST, "id": made, **wishes}
    status, answer = await world.ask("POST", "input", "/api/v1/campaigns", OPERATOR, json=request)
    assert status == 201, answer
    return int(answer["campaign"]["measurement"])


async def asked(world: World, ask: Callable[..., T], **words: Any) -> T:
    """What a call of the client gives, which blocks."""
    return await asyncio.to_thread(lambda: ask(server=world.server, verify=world.ca_file, **words))


async def test_measurements_are_listed_page_by_page_and_read_one_by_one(world: World) -> None:
    numbers = [await campaign(world, f"first-{each}", name=f"Nr. {each}") for each in range(3)]
    found = await asked(world, lambda **words: list(MeasurementRequest(limit=2, **words)))
    assert [each["id"] for each in found] == numbers
    one = await asked(world, Measurement, id=numbers[1])
    assert (one.description, one.type, one.protocol, one.is_oneoff) == ("Nr. 1", "ping", 4, True)
    assert one.status == "Ongoing" and one.creation_time.year >= 2024
    only = await asked(world, lambda **words: list(MeasurementRequest(id__in=numbers[:1], **words)))
    assert [each["id"] for each in only] == numbers[:1]


async def test_probes_are_workers(world: World) -> None:
    probes = await asked(world, lambda **words: list(ProbeRequest(return_objects=True, **words)))
    assert [(each.id, each.description, each.status) for each in probes] == [(NUMBER, "pi-7", "Disconnected")]
    assert (await asked(world, Probe, id=NUMBER)).description == "pi-7"
    with pytest.raises(APIResponseError, match="no probe 7"):
        await asked(world, Probe, id=7)


async def test_results_of_several_pages_are_one_list_that_atlas_reader_takes(world: World) -> None:
    number = await campaign(world, "many")
    store = world.apps["output"][STORE]
    for each in range(3):
        await store.append(make(each, 700, measurement=number))
    await store.append(traced(3, 5, measurement=number))
    await store.append(make(9, 5, measurement=number + 1))
    request = await asked(world, AtlasResultsRequest, msm_id=number)
    good, found = await asyncio.to_thread(request.create)
    assert good and len(found) == 2105
    read = [Result.get(each) for each in found]
    assert {each.measurement_id for each in read} == {number}
    assert {each.type for each in read} == {"ping", "traceroute"}
    assert not any(each.is_malformed for each in read)


async def test_start_stop_and_probes_narrow_results(world: World) -> None:
    number = await campaign(world, "narrow")
    await world.apps["output"][STORE].append(make(0, 8, measurement=number))
    sizes = []
    for words in ({"probe_ids": [NUMBER]}, {"probe_ids": [7]}, {"start": 2**31}, {"stop": 1000}, {"start": 0}):
        request = await asked(world, AtlasResultsRequest, msm_id=number, **words)
        good, found = await asyncio.to_thread(request.create)
        assert good, found
        sizes.append(len(found))
    assert sizes == [8, 0, 0, 0, 8]


async def test_the_latest_result_of_each_probe(world: World) -> None:
    number = await campaign(world, "latest")
    await world.apps["output"][STORE].append(make(0, 8, measurement=number))
    request = await asked(world, lambda **words: AtlasLatestRequest(number, **words))
    good, found = await asyncio.to_thread(request.create)
    assert good and [(each["prb_id"], each["dst_addr"]) for each in found] == [(NUMBER, "10.0.0.7")]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v2/measurements/5/results/", 404, "no measurement 5"),
        ("/api/v2/measurements/?country=FI", 400, "no filter 'country'"),
        ("/api/v2/measurements/?page=99", 404, "no page 99"),
        ("/api/v2/probes/?page=x", 400, "whole number"),
        ("/api/v2/measurements/{}/results?format=xml", 400, "json or txt"),
        ("/api/v2/measurements/{}/results?probe_ids=a", 400, "whole number"),
        ("/api/v2/measurements/{}/results?user=x", 400, "no parameter"),
    ],
)
async def test_what_there_is_not_is_refused_with_the_reason(world: World, path: str, status: int, words: str) -> None:
    number = await campaign(world, "some")
    found, answer = await world.ask("GET", "manager", path.format(number))
    assert (found, words in answer["detail"]) == (status, True), answer


async def test_where_reading_is_not_open_a_persons_token_is_the_key(
    tmp_path: Path, fake_consul: FakeConsul, on_mesh: OnMesh
) -> None:
    text = "hlt_AAAAAAAAAAAAAAAAAAAAAA"
    token = PersonToken(hash=hashed(text), name="t", user="anna", role=Role.VIEWER, made_us=1, until_us=2**52)
    await fake_consul.kv_put(token.stored_at, packed(token))
    await fake_consul.kv_put(f"{PREFIX}anna", users.packed(User(name="anna", role=Role.VIEWER)))
    async with http_world(tmp_path, fake_consul, on_mesh, tls=True, open_reading=False) as world:
        number = await campaign(world, "closed")
        await world.apps["output"][STORE].append(make(0, 8, measurement=number))

        async def reads() -> bool:
            keyed = await asked(world, AtlasResultsRequest, msm_id=number, key=text)
            good, found = await asyncio.to_thread(keyed.create)
            return good and len(found) == 8

        await eventually("the token is known", reads)
        request = await asked(world, AtlasResultsRequest, msm_id=number)
        good, refused = await asyncio.to_thread(request.create)
        assert not good and refused["status"] == 401


async def test_an_object_a_line_is_text(world: World) -> None:
    number = await campaign(world, "lines")
    await world.apps["output"][STORE].append(make(0, 8, measurement=number))
    path = f"/api/v2/measurements/{number}/results/?format=txt"
    lines = (await world.text("manager", path)).splitlines()
    assert [json.loads(each)["dst_addr"] for each in lines[:2]] == ["10.0.0.0", "10.0.0.1"]
    assert len(lines) == 8
