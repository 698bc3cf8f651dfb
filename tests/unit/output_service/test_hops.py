"""What a store says of the hops that it has."""

import itertools
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import apsw
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.clock import wall_us
from hoploom.kit.testing import OnMesh
from hoploom.output_service import hops, schema
from hoploom.output_service.app import make_app
from hoploom.output_service.handlers import STORE
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import FILE
from hoploom.wire.hops import SLOTS, Hop
from unit.wire.batches import make

Client = TestClient[web.Request, web.Application]
HOUR_US = 3600 * 10**6


@pytest.fixture
async def client(tmp_path: Path, on_mesh: OnMesh) -> AsyncIterator[Client]:
    async with TestClient(TestServer(on_mesh(make_app(Settings(db_dir=tmp_path))))) as opened:
        yield opened


class Traces:
    """Writes traceroutes as ingest will: a batch, then its hops in the same order."""

    def __init__(self, client: Client, folder: Path) -> None:
        assert isinstance(client.server, TestServer)
        self._app, self._path = client.server.app, folder / FILE
        self._numbers = itertools.count()

    async def add(self, found: Iterable[str | None], age_us: int = 0, campaign: str = "first-map") -> None:
        number = 2_000_000_000 + len(campaign)
        batch = make(next(self._numbers), 0, campaign=campaign, campaign_number=number, start=0, stop=1)
        await self._app[STORE].append(batch)
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(5000)
        key = connection.execute("SELECT batch_key FROM batches WHERE batch = ?", (batch.batch,)).get
        at = (wall_us() - age_us, batch.batch)
        connection.execute("UPDATE batches SET received_at_us = ? WHERE batch = ?", at)
        for hop in found:
            values = (batch.campaign_number, 0, 0, 0, 0, key, "192.0.2.1", 3, hop, None, None, None, None, None, 0)
            connection.execute(f"INSERT INTO traceroute_hops VALUES ({', '.join('?' * len(values))})", values)
        connection.close()


@pytest.fixture
def traces(client: Client, tmp_path: Path) -> Traces:
    return Traces(client, tmp_path)


async def asked(client: Client, slots: Iterable[int] = range(SLOTS), since_s: int = 86_400) -> dict[str, list[str]]:
    params = [("since_s", str(since_s)), *(("slot", str(slot)) for slot in slots)]
    answer = await client.get(hops.ROUTE, params=params)
    assert answer.status == 200
    document = await answer.json()
    assert document["v"] == 1 and document["store"]
    found: dict[str, list[str]] = document["hops"]
    return found


async def test_different_hops_come_by_campaign_and_silent_ones_do_not(client: Client, traces: Traces) -> None:
    assert await asked(client) == {}
    await traces.add(["8.8.8.8", None, "2a00::1", "8.8.8.8"])
    await traces.add(["8.8.8.8", "1.1.1.1"], campaign="second-map")
    assert await asked(client) == {"first-map": ["2a00::1", "8.8.8.8"], "second-map": ["1.1.1.1", "8.8.8.8"]}


async def test_a_store_of_pings_alone_has_no_hops(client: Client, traces: Traces) -> None:
    await traces.add([])
    assert await asked(client) == {}


async def test_every_hop_is_in_its_slot_and_in_no_other(client: Client, traces: Traces) -> None:
    every = [str(Hop(4, 0x08000000 + number)) for number in range(300)]
    await traces.add(every)
    found = {slot: (await asked(client, [slot])).get("first-map", []) for slot in range(SLOTS)}
    assert sorted(itertools.chain(*found.values())) == sorted(every)
    assert all(Hop.parse(text).slot == slot for slot, texts in found.items() for text in texts)


async def test_what_came_before_the_time_asked_for_is_left_out(client: Client, traces: Traces) -> None:
    await traces.add(["8.0.0.1"], 30 * HOUR_US)
    await traces.add(["8.0.0.2", "8.0.0.1"], 23 * HOUR_US)
    await traces.add(["8.0.0.3"], 1 * HOUR_US)
    assert await asked(client) == {"first-map": ["8.0.0.1", "8.0.0.2", "8.0.0.3"]}
    assert await asked(client, since_s=7200) == {"first-map": ["8.0.0.3"]}
    assert await asked(client, since_s=60) == {}


async def test_a_wall_clock_that_was_set_back_hides_nothing_of_the_time(client: Client, traces: Traces) -> None:
    for hop, age_h in (("8.0.0.1", 2), ("8.0.0.2", 40), ("8.0.0.3", 1), ("8.0.0.4", 39)):
        await traces.add([hop], age_h * HOUR_US)
    assert {"8.0.0.1", "8.0.0.3"} <= set((await asked(client))["first-map"])


async def test_pages_hide_no_seam(client: Client, traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "COVERING INDEX batches_by_time" in plan
