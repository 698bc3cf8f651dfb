"""What an output answers of its sums: tables that add up, nothing twice, nothing that did not change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import mmdb
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.output_service.app import make_app
from hoploom.output_service.handlers import STORE
from hoploom.output_service.rollups import naming
from hoploom.output_service.rollups.handlers import CELLS, PLACES, ROLLING
from hoploom.output_service.settings import Settings
from hoploom.wire import cell_table
from hoploom.wire.cell_table import CellTable
from hoploom.wire.rollup import COARSE_S, FINE_S
from unit.wire.batches import make
from unit.wire.traces import traced

Client = TestClient[web.Request, web.Application]
CAMPAIGN = make().campaign_number


@pytest.fixture
async def client(
    on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """An output that is never told of networks, with a GeoIP file."""
    monkeypatch.setattr(naming, "PATIENCE_S", 0.0)
    geoip_file = mmdb.write(tmp_path / "city.mmdb", {"10.0.0.0/8": mmdb.city("FI", 60.0, 25.0)})
    app = on_mesh(make_app(Settings(db_dir=tmp_path / "db", geoip_file=str(geoip_file))))
    async with TestClient(TestServer(app)) as opened:
        yield opened


async def take(client: Client, *batches: Any) -> None:
    assert isinstance(client.server, TestServer)
    app = client.server.app
    for each in batches:
        await app[STORE].append(each)
    while await app[ROLLING].step():
        pass


async def asked(client: Client, query: str = "", tag: str = "") -> tuple[int, Any, str]:
    headers = {"If-None-Match": tag} if tag else {}
    async with client.get(f"{CELLS}?campaign={CAMPAIGN}{query}", headers=headers) as answer:
        return answer.status, await answer.json() if answer.status != 304 else None, answer.headers.get("ETag", "")


async def test_cells_of_pings_and_traceroutes_are_told(client: Client) -> None:
    await take(client, make(0), traced(1, 6, worker="pi-8"))
    status, document, _ = await asked(client)
    table = CellTable.from_json(CAMPAIGN, document["cells"])
    told = [(each.worker, each.targets, each.answered, each.received) for each in table.where(FINE_S).cells()]
    assert (status, sorted(told)) == (200, [("pi-7", 6, 4, 4), ("pi-8", 6, 4, 4)])
    assert document["is_end"] and document["since_s"].keys() == {str(FINE_S), str(COARSE_S)}


async def test_what_did_not_change_is_not_told_again(client: Client) -> None:
    await take(client, make(0))
    _, document, tag = await asked(client)
    assert (await asked(client, f"&after={document['next']}", tag))[0] == 304
    await take(client, make(1, campaign="other", campaign_number=CAMPAIGN + 9))
    assert (await asked(client, f"&after={document['next']}", tag))[0] == 304, "it is told of another campaign"
    await take(client, make(2))
    status, changed, other = await asked(client, f"&after={document['next']}", tag)
    assert status == 200 and other != tag and len(changed["cells"]["columns"]["targets"]) == 2
    whole = CellTable.from_json(CAMPAIGN, (await asked(client))[1]["cells"])
    known, later = (CellTable.from_json(CAMPAIGN, each["cells"]) for each in (document, changed))
    found = cell_table.joined(CAMPAIGN, [cell_table.updated(known, later, {})])
    assert found.cells() == whole.by(*cell_table.KEYS).cells()


async def test_pages_are_all_of_it_once(client: Client) -> None:
    await take(client, *(make(number, worker=f"w{number}") for number in range(5)))
    after, tables, is_end = 0, [], False
    while not is_end:
        _, page, _ = await asked(client, f"&limit=3&after={after}")
        tables.append(CellTable.from_json(CAMPAIGN, page["cells"]))
        after, is_end = page["next"], page["is_end"]
    whole = CellTable.from_json(CAMPAIGN, (await asked(client))[1]["cells"])
    assert len(tables) == 4 and sum(map(len, tables)) == len(whole) == 10
    assert cell_table.joined(CAMPAIGN, tables).cells() == whole.by(*cell_table.KEYS).cells()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 4), (f"&length={FINE_S}", 2), ("&worker=a", 2), ("&worker=nobody", 0), ("&network=10.0.0.0/8", 4),
        ("&network=amazon", 0), ("&since=1", 4), ("&since=4000000000000000", 0), ("&until=1", 0),
        ("&worker=b&length=3600", 1),
    ],
)  # fmt: skip
async def test_a_question_narrows(client: Client, query: str, count: int) -> None:
    await take(client, make(0, worker="a"), make(1, worker="b"))
    assert len(CellTable.from_json(CAMPAIGN, (await asked(client, query))[1]["cells"])) == count


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("campaign=x", "campaign is a whole number"), ("", "campaign is a whole number"),
        (f"campaign={CAMPAIGN}&length=60", "length is 300 or 3600"), (f"campaign={CAMPAIGN}&limit=999999", "limit"),
        (f"campaign={CAMPAIGN}&after=-1", "after"), (f"campaign={CAMPAIGN}&wokrer=a", "no parameter 'wokrer'"),
    ],
)  # fmt: skip
async def test_a_slip_is_a_sentence(client: Client, query: str, said: str) -> None:
    await take(client, make(0))
    async with client.get(f"{CELLS}?{query}") as answer:
        assert answer.status == 400 and said in (await answer.json())["detail"]


async def test_places_are_told_once(client: Client) -> None:
    await take(client, make(0))
    async with client.get(f"{PLACES}?campaign={CAMPAIGN}") as answer:
        assert (await answer.json())["places"] == [["FI", 60, 25, 6, 4]]
        tag = answer.headers["ETag"]
    async with client.get(f"{PLACES}?campaign={CAMPAIGN}", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    await take(client, make(1))
    async with client.get(f"{PLACES}?campaign={CAMPAIGN}", headers={"If-None-Match": tag}) as answer:
        assert (await answer.json())["places"] == [["FI", 60, 25, 12, 8]]


async def test_a_campaign_without_results_has_none(client: Client) -> None:
    await take(client, make(0))
    async with client.get(f"{CELLS}?campaign=7") as answer:
        assert len(CellTable.from_json(7, (await answer.json())["cells"])) == 0


async def test_before_the_sums_are_open_it_says_when_to_come_again(client: Client) -> None:
    async with client.get(f"{CELLS}?campaign=7") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
