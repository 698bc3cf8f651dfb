"""What a store says it covers: whole batches of one round, merged, and nothing of any other."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apsw
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.testing import OnMesh
from hoploom.output_service import coverage, schema
from hoploom.output_service.app import make_app
from hoploom.output_service.handlers import STORE
from hoploom.output_service.settings import Settings
from hoploom.targets.ranges import merge
from hoploom.wire.batch import Batch
from unit.wire.batches import make

Client = TestClient[web.Request, web.Application]
WHERE: Mapping[str, str] = {"revision": "ab" * 32, "round": "0", "group": "pi-7", "family": "4"}
NUMBER = 2_000_000_001


@pytest.fixture
async def client(tmp_path: Path, on_mesh: OnMesh) -> Any:
    async with TestClient(TestServer(on_mesh(make_app(Settings(db_dir=tmp_path / "db"))))) as opened:
        yield opened


async def covered(client: Client, *batches: Batch, **where: str) -> list[list[int]]:
    assert isinstance(client.server, TestServer)
    await asyncio.gather(*map(client.server.app[STORE].append, batches))
    answer = await client.get(f"/api/v1/output/campaigns/{NUMBER}/coverage", params={**WHERE, **where})
    assert answer.status == 200
    document = await answer.json()
    assert (document["v"], document["store"]) == (1, client.server.app[STORE].uuid)
    found: list[list[int]] = document["ranges"]
    return found


COVERED: dict[str, tuple[list[Batch], list[list[int]]]] = {
    "nothing is stored": ([], []),
    "neighbours are one range": ([make(1), make(0)], [[0, 11]]),
    "a gap stays a gap": ([make(0), make(2)], [[0, 5], [12, 17]]),
    "a range that two batches have counts once": ([make(0), make(1, 6, start=3, stop=12)], [[0, 11]]),
    "skipped targets are dealt with": ([make(0, 0, start=4, stop=9)], [[4, 8]]),
    "suspect rows cover nothing": ([make(0), make(1, suspect=True)], [[0, 5]]),
    "another round covers nothing": ([make(0, round=1)], []),
    "another group covers nothing": ([make(0, group="pi-8")], []),
    "another edition covers nothing": ([make(0, revision="cd" * 32)], []),
    "another campaign covers nothing": ([make(0, campaign_number=NUMBER + 5)], []),
    "another family covers nothing": ([make(0, family=6)], []),
}


@pytest.mark.parametrize(("batches", "ranges"), COVERED.values(), ids=COVERED)
async def test_the_coverage_is_what_the_batches_deal_with(
    client: Client, batches: list[Batch], ranges: list[list[int]]
) -> None:
    assert await covered(client, *batches) == ranges


@pytest.mark.parametrize(
    "wrong", [{"revision": "x"}, {"round": "-1"}, {"round": ""}, {"group": "a b"}, {"family": "four"}], ids=str
)
async def test_a_malformed_question_is_refused(client: Client, wrong: Mapping[str, str]) -> None:
    answer = await client.get(f"/api/v1/output/campaigns/{NUMBER}/coverage", params={**WHERE, **wrong})
    assert answer.status == 400 and (await answer.json())["detail"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(tmp_path / "plan.db"))
    yield connection
    connection.close()


def test_the_question_is_answered_from_an_index_alone(database: apsw.Connection) -> None:
    schema.migrate(database)
    values = (NUMBER, "ab" * 32, 0, "pi-7", 4)
    plan = " ".join(str(row) for row in database.execute(f"EXPLAIN QUERY PLAN {coverage.SQL}", values))
    assert "USING COVERING INDEX batches_by_round" in plan


async def test_the_batches_of_a_large_pass_are_merged_in_a_thread(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def note(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        seen.append(threading.get_ident())
        return merge(ranges)

    monkeypatch.setattr(coverage, "merge", note)
    assert await covered(client, make(0)) == [[0, 5]]
    assert seen and seen[0] != threading.get_ident()
