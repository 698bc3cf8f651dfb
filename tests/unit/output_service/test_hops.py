"""What a store says of the hops that it has."""

import dataclasses
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.clock import wall_us
from hoploom.kit.testing import OnMesh
from hoploom.output_service import hops, schema
from hoploom.output_service.app import make_app
from hoploom.output_service.folder import live
from hoploom.output_service.handlers import STORE
from hoploom.output_service.settings import Settings
from hoploom.wire.hops import SLOTS, Hop
from hoploom.wire.traces import Traces
from unit.output_service.folders import ALWAYS, stepped
from unit.wire.traces import one_hop_each, paths, traced

Client = TestClient[web.Request, web.Application]
HOUR_US = 3600 * 10**6


@pytest.fixture
async def client(tmp_path: Path, on_mesh: OnMesh) -> AsyncIterator[Client]:
    async with TestClient(TestServer(on_mesh(make_app(Settings(db_dir=tmp_path))))) as opened:
        yield opened


class Stored:
    """Stores traceroutes, one of one hop for each address; targets are 198.18.0.0 and on."""

    def __init__(self, client: Client, folder: Path) -> None:
        assert isinstance(client.server, TestServer)
        self._app, self.path = client.server.app, folder / live(1)
        self._numbers = itertools.count()

    async def add(self, found: Sequence[str | None], age_us: int = 0, campaign: str = "first-map") -> None:
        await self.store(one_hop_each(found), age_us, campaign)

    async def store(self, rows: Traces, age_us: int = 0, campaign: str = "first-map", **changes: Any) -> None:
        number = 2_000_000_000 + len(campaign)
        batch = traced(next(self._numbers), campaign=campaign, campaign_number=number, columns=rows, **changes)
        await self._app[STORE].append(batch)
        connection = apsw.Connection(str(self.path))
        connection.set_busy_timeout(5000)
        at = (wall_us() - age_us, batch.batch)
        connection.execute("UPDATE batches SET received_at_us = ? WHERE batch = ?", at)
        connection.close()


@pytest.fixture
def traces(client: Client, tmp_path: Path) -> Stored:
    return Stored(client, tmp_path)


async def asked(client: Client, slots: Iterable[int] = range(SLOTS), since_s: int = 86_400) -> dict[str, list[str]]:
    params = [("since_s", str(since_s)), *(("slot", str(slot)) for slot in slots)]
    answer = await client.get(hops.ROUTE, params=params)
    assert answer.status == 200
    document = await answer.json()
    assert document["v"] == 1 and document["store"]
    found: dict[str, list[str]] = document["hops"]
    return found


async def test_different_hops_come_by_campaign_and_silent_ones_do_not(client: Client, traces: Stored) -> None:
    assert await asked(client) == {}
    await traces.add(["8.8.8.8", None, "2a00::1", "8.8.8.8"])
    await traces.add(["8.8.8.8", "1.1.1.1"], campaign="second-map")
    assert await asked(client) == {"first-map": ["2a00::1", "8.8.8.8"], "second-map": ["1.1.1.1", "8.8.8.8"]}


@pytest.mark.parametrize("family", [4, 6])
async def test_targets_that_answer_are_no_hops_whatever_they_answer(
    client: Client, traces: Stored, family: int
) -> None:
    """Of each path the first and the third hop are routers; the fourth is the target, or a router before a gap."""
    rows = paths(3, family=family)
    from_target = (rows.hop_address == rows.address[rows.hop_target]).all(axis=1)
    assert from_target.sum() == 2
    await traces.store(rows)
    echoed = await asked(client)
    unreachable = np.where(from_target, 3 if family == 4 else 1, rows.hop_icmp_type).astype(np.int16)
    await traces.store(dataclasses.replace(rows, hop_icmp_type=unreachable))
    routers = ["11.0.0.1", "11.0.0.3", "11.0.0.4"] if family == 4 else ["fd00::b00:1", "fd00::b00:3", "fd00::b00:4"]
    assert echoed == await asked(client) == {"first-map": routers}


async def test_an_echo_reply_from_elsewhere_makes_no_hop(client: Client, traces: Stored) -> None:
    rows = one_hop_each(["8.8.8.8", "8.8.4.4"])
    await traces.store(dataclasses.replace(rows, hop_icmp_type=np.array([0, 11], np.int16)))
    assert await asked(client) == {"first-map": ["8.8.4.4"]}


async def test_what_a_dead_uplink_brought_makes_no_hop(client: Client, traces: Stored) -> None:
    await traces.store(one_hop_each(["8.8.8.8"]), suspect=True)
    await traces.store(one_hop_each(["8.8.4.4"]))
    assert await asked(client) == {"first-map": ["8.8.4.4"]}


async def test_a_store_of_pings_alone_has_no_hops(client: Client, traces: Stored) -> None:
    await traces.add([])
    assert await asked(client) == {}


async def test_every_hop_is_in_its_slot_and_in_no_other(client: Client, traces: Stored) -> None:
    every = [str(Hop(4, 0x08000000 + number)) for number in range(300)]
    await traces.add(every)
    found = {slot: (await asked(client, [slot])).get("first-map", []) for slot in range(SLOTS)}
    assert sorted(itertools.chain(*found.values())) == sorted(every)
    assert all(Hop.parse(text).slot == slot for slot, texts in found.items() for text in texts)


async def test_what_came_before_the_time_asked_for_is_left_out(client: Client, traces: Stored) -> None:
    await traces.add(["8.0.0.1"], 30 * HOUR_US)
    await traces.add(["8.0.0.2", "8.0.0.1"], 23 * HOUR_US)
    await traces.add(["8.0.0.3"], 1 * HOUR_US)
    assert await asked(client) == {"first-map": ["8.0.0.1", "8.0.0.2", "8.0.0.3"]}
    assert await asked(client, since_s=7200) == {"first-map": ["8.0.0.3"]}
    assert await asked(client, since_s=60) == {}


async def test_a_wall_clock_that_was_set_back_hides_nothing_of_the_time(client: Client, traces: Stored) -> None:
    for hop, age_h in (("8.0.0.1", 2), ("8.0.0.2", 40), ("8.0.0.3", 1), ("8.0.0.4", 39)):
        await traces.add([hop], age_h * HOUR_US)
    assert {"8.0.0.1", "8.0.0.3"} <= set((await asked(client))["first-map"])


async def test_pages_hide_no_seam(client: Client, traces: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hops, "PAGE_ROWS", 7)
    every = sorted(str(Hop(4, 0x08000000 + number)) for number in range(100))
    await traces.add(every[:50], 2 * HOUR_US)
    await traces.add(every[50:])
    assert await asked(client) == {"first-map": every}


@pytest.mark.parametrize(
    "query", ["", "slot=", "slot=64", "slot=-1", "slot=1&slot=x", "slot=1&since_s=0", "slot=1&since_s=1e9"]
)
async def test_a_malformed_question_is_refused(client: Client, query: str) -> None:
    answer = await client.get(f"{hops.ROUTE}?{query}")
    assert answer.status == 400 and (await answer.json())["detail"]


def test_the_first_batch_of_a_time_is_found_by_its_index(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "plan.db"))
    schema.migrate(connection)
    plan = " ".join(str(row) for row in connection.execute("EXPLAIN QUERY PLAN " + hops.FIRST_SEQ, (0,)))
    connection.close()
    assert "COVERING INDEX batches_by_time" in plan and "COVERING INDEX earlier_batches_by_time" in plan


async def test_of_hops_that_somebody_invents_no_more_are_kept_in_memory_than_a_slot_s_owner_could_remember(
    client: Client, traces: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hops, "MAX_OF_SLOT", 3)
    monkeypatch.setattr(hops, "PAGE_ROWS", 100)
    await traces.add([f"8.8.{number >> 8}.{number & 255}" for number in range(1000)])
    found = (await asked(client))["first-map"]
    assert len(found) == 3 * SLOTS
    assert {Hop.parse(each).slot for each in found} == set(range(SLOTS))


async def test_hops_are_found_in_every_file_that_has_batches_of_the_time_asked_for(
    client: Client, traces: Stored
) -> None:
    assert isinstance(client.server, TestServer)
    store = client.server.app[STORE]
    for number, age_us in enumerate((10 * HOUR_US, 5 * HOUR_US, 1 * HOUR_US, 0)):
        await traces.add([f"8.8.8.{number}"], age_us)
        await stepped(store, ALWAYS)
        traces.path = store.path
    assert store.files.numbers() == [1, 2, 3, 4, 5]
    for hours, wanted in ((24, [0, 1, 2, 3]), (6, [1, 2, 3]), (2, [2, 3])):
        assert await asked(client, since_s=hours * 3600) == {"first-map": [f"8.8.8.{each}" for each in wanted]}
    await traces.add(["8.8.8.9"], campaign="second-map")
    assert (await asked(client))["second-map"] == ["8.8.8.9"]
