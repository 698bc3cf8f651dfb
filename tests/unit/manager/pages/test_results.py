"""The results page: filters, pages over several outputs, files, and what hostile input comes to."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest
from aiohttp import ClientPayloadError
from ripe.atlas.sagan import Result

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.measures import result_filters
from unit.manager.pages.measured_world import World, world
from unit.wire.batches import make
from unit.wire.traces import traced

ROW = re.compile(r'<th scope="row" class="code"><a href="paths/[^"]+">([^<]+)</a>')
NEXT = re.compile(r'<a rel="next" href="([^"]+)">(Next|Look)')


@pytest.fixture
async def there(tmp_path: Path, fake_consul: FakeConsul, on_mesh: OnMesh) -> AsyncIterator[World]:
    async with world(tmp_path, fake_consul, on_mesh) as made:
        yield made


async def everything(there: World, path: str) -> list[str]:
    """The targets of all pages."""
    found = []
    while True:
        text = await there.page(path)
        found += ROW.findall(text)
        following = NEXT.search(text)
        if not following or following[2] == "Look":
            return found
        path = f"/{unescape(following[1])}"


async def test_an_empty_mesh_says_so(there: World) -> None:
    assert "No result is stored yet" in await there.page("/stored")
    assert "Show all" in await there.page("/stored?kind=trace")


async def test_pages_over_all_outputs_have_everything_once(there: World) -> None:
    await there.store(make(0, 70), make(1, 70), make(2, 70))
    found = await everything(there, "/stored?size=50")
    assert len(found) == len(set(found)) == 210


async def test_a_page_is_full_though_one_output_has_it_all(there: World) -> None:
    await there.store(make(0, 120))
    assert len(ROW.findall(await there.page("/stored?size=50"))) == 50


async def test_whoever_has_come_to_the_end_sees_what_comes_later(there: World) -> None:
    await there.store(make(0, 3))
    end = NEXT.search(await there.page("/stored"))
    assert end and end[2] == "Look"
    path = f"/{unescape(end[1])}"
    assert "There is nothing newer yet" in await there.page(path)
    await there.store(make(1, 3))
    assert ROW.findall(await there.page(path)) == ["10.0.0.3", "10.0.0.4", "10.0.0.5"]


CHOSEN = {
    "kind=trace": 3, "kind=ping": 12, "outcome=lost": 4, "outcome=reached": 2, "worker=other": 6, "worker=nobody": 0,
    "prefix=10.0.0.4/30": 4, "prefix=10.0.0.0": 1, "campaign=first-map": 15, "campaign=x": 0,
    "since=2023-11-14T22:14": 0, "until=2023-11-14T22:14": 15, "until=1971-01-01": 0,
}  # fmt: skip


async def test_filters_choose(there: World) -> None:
    await there.store(make(0), make(1, worker="other"), traced(5))
    assert {query: len(await everything(there, f"/stored?{query}")) for query in CHOSEN} == CHOSEN


SQL = "' OR 1=1; ATTACH 'x' AS y; PRAGMA journal_mode=DELETE; --"


async def test_sql_and_markup_are_refused_in_every_filter(there: World) -> None:
    await there.store(make(0))
    for name in (*result_filters.NAMES, "from", "order", "columns", "limit", SQL):
        for value in (SQL, "1 UNION SELECT * FROM batches", "<script>alert(1)</script>"):
            for path in ("/stored", "/stored/file"):
                answer = await there.client.get(path, params={name: value}, headers={"Accept": "text/html"})
                text = await answer.text()
                assert answer.status == 400, (path, name, value)
                assert "<script>alert" not in text and not ROW.findall(text)
    assert len(await everything(there, "/stored")) == 6


async def test_what_was_typed_stays_in_the_form(there: World) -> None:
    text = await there.page("/stored?prefix=10.0.0.0/99&worker=pi-7", status=400)
    assert 'value="10.0.0.0/99"' in text and 'value="pi-7"' in text
    assert "is no prefix such as" in text


async def test_an_output_that_is_away_is_named_and_the_rest_stands(there: World, fake_consul: FakeConsul) -> None:
    await there.store(make(0))
    fake_consul.add_instance("output", "127.0.0.1", 1)
    text = await there.page("/stored")
    assert "Not all is shown: <bdi>output-1 does not answer" in text
    assert len(ROW.findall(text)) == 6


async def test_a_file_breaks_off_where_an_output_falls_silent(there: World, fake_consul: FakeConsul) -> None:
    await there.store(make(0))
    fake_consul.add_instance("output", "127.0.0.1", 1)
    answer = await there.client.get("/stored/file?form=csv")
    with pytest.raises(ClientPayloadError):
        await answer.read()


async def test_a_file_is_not_begun_while_an_output_is_ill(there: World, fake_consul: FakeConsul) -> None:
    fake_consul.add_instance("output", "127.0.0.1", 1)
    fake_consul.set_check("output-1", "ready", "critical")
    answer = await there.client.get("/stored/file?form=csv")
    assert answer.status == 503 and "output-1 is critical" in await answer.text()


async def test_files_have_what_the_filters_choose(there: World) -> None:
    await there.store(make(0, 1500), make(1, 1500), traced(900))
    answer = await there.client.get("/stored/file?form=csv&kind=ping")
    assert answer.content_type == "text/csv" and "results.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert len(rows) == len({each["address"] for each in rows}) == 3000
    objects = (await (await there.client.get("/stored/file?form=atlas&kind=trace")).text()).splitlines()
    assert [Result.get(each).type for each in objects] == ["traceroute"] * 3
    assert {json.loads(each)["prb_id"] for each in objects} == {2_000_000_003}


async def test_a_traceroute_shows_its_hops(there: World) -> None:
    await there.store(traced(0))
    text = await there.page("/stored")
    assert text.count("<details>") == 3 and '<span class="code">11.0.0.1</span>' in text


async def test_a_worker_whose_clock_is_wild_breaks_no_page(there: World) -> None:
    await there.store(make(0, 1, started_at_us=2**53 - 1))
    assert ROW.findall(await there.page("/stored")) == ["10.0.0.0"]
