"""The pages of paths, as somebody sees them who has signed in, and what they are made of."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager import gathering
from hoploom.manager.app import make_app
from hoploom.manager.paths.gathering import GATHERING
from hoploom.manager.settings import Settings
from people_made import signed_in
from unit.manager.paths.made_mesh import outputs
from unit.wire.traces import traced

NAME = "محطة" * 40 + "<b>x</b>"
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(
    on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """Somebody who looks at a manager of a mesh with one output; nothing is known yet."""
    monkeypatch.setattr(gathering, "FIRST_S", 0.0)
    async with contextlib.AsyncExitStack() as stack:
        [output] = await stack.enter_async_context(outputs(on_mesh, fake_consul, tmp_path, 1))
        await output.take(traced(0, 6, worker=NAME), traced(1, 6))
        app = on_mesh(make_app(Settings(fabio_addr="http://127.0.0.1:1")))
        shown = {**await signed_in(fake_consul), "Accept": "text/html"}
        yield await stack.enter_async_context(TestClient(TestServer(app), headers=shown))


@pytest.fixture
async def known(client: Client) -> Client:
    """The same, when links were gathered."""
    assert client.app is not None
    gathered = client.app[GATHERING]
    await gathered.of(None)
    await gathered.refresh()
    return client


async def text(client: Client, path: str, status: int = 200) -> str:
    answer = await client.get(path)
    assert answer.status == status, await answer.text()
    return await answer.text()


async def test_before_anything_is_known_the_page_says_so(client: Client) -> None:
    assert "are being gathered" in await text(client, "/paths")


async def test_the_graph_is_in_tables_too(known: Client) -> None:
    page = await text(known, "/paths")
    assert "seen by 2 workers" in page and 'href="paths/11.0.0.1"' in page and "<canvas" in page
    assert '<script type="module" src="static/paths.js">' in page and "style=" not in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("q=11.0.0.0/24", "3 found for"),
        ("q=pi-7", "1 found for"),
        ("q=192.0.2.1", "No hop or worker is like that"),
        ("from=pi-7&to=10.0.0.6", "1 silent hop<"),
        ("from=11.0.0.3&to=11.0.0.1", "seen the other way only"),
        ("from=11.0.0.1&to=11.0.0.1", "Both ends are the same"),
    ],
)
async def test_questions_are_answered_without_javascript(known: Client, query: str, said: str) -> None:
    assert said in await text(known, f"/paths?{query}")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=nobody&to=10.0.0.6", "neither an address"),
        ("from=pi-7&to=192.0.2.1", "no path has"),
        ("from=pi-7", "two ends"),
        ("q=" + "x" * 301, "300 characters"),
    ],
)
async def test_what_is_no_question_is_refused_and_stays_in_the_form(known: Client, query: str, said: str) -> None:
    page = await text(known, f"/paths?{query}", 422)
    assert said in page and f'value="{query.partition("=")[2].partition("&")[0]}"' in page


async def test_an_unknown_campaign_is_said(known: Client) -> None:
    assert "there is no campaign" in await text(known, "/paths?campaign=nosuch", 404)


async def test_names_of_others_are_inert_and_written_their_own_way(known: Client) -> None:
    page = await text(known, "/paths?q=x%3C")
    assert "<b>x</b>" not in page and "<bdi>محطة" in page and "1 found" in page


async def test_an_address_has_its_links_and_its_newest_traceroutes(known: Client) -> None:
    page = await text(known, "/paths/10.0.0.6")
    assert "Before it" in page and 'href="11.0.0.3"' in page and "silent</span>" in page and "reached" in page
    assert "type 0, code 0" in page and "MPLS 24001:0:0:1" in page
    joined = await text(known, "/paths/10.0.0.7")
    assert "reached" in joined
    assert "No path that is kept" in await text(known, "/paths/192.0.2.1")
    assert "Nobody has traced it." in await text(known, "/paths/192.0.2.1")
    assert "is no address" in await text(known, "/paths/nothing", 400)


async def test_a_drawing_is_told_once_for_each_version_and_small_for_who_can_unpack(known: Client) -> None:
    answer = await known.get("/api/v1/paths?from=pi-7&to=10.0.0.6", headers={"Accept-Encoding": "gzip"})
    found = await answer.json()
    assert answer.headers["Content-Encoding"] == "gzip" and len(found["way"]) == 3
    plain = await known.get("/api/v1/paths", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers and len((await plain.json())["nodes"]["name"]) == 13
    refused = await known.get("/api/v1/paths?from=pi-7&to=nobody")
    assert refused.status == 400 and "neither" in (await refused.json())["detail"]


async def test_graphml_has_every_node_and_link(known: Client) -> None:
    answer = await known.get("/api/v1/paths/graphml")
    assert answer.content_type == "application/graphml+xml" and "attachment" in answer.headers["Content-Disposition"]
    root = ElementTree.fromstring(await answer.text())
    space = "{http://graphml.graphdrawing.org/xmlns}"
    ids = [each.attrib["id"] for each in root.iter(f"{space}node")]
    assert len(ids) == 13 and f"worker:{NAME}" in ids and "10.0.0.6" in ids
    drawn = await (await known.get("/api/v1/paths")).json()
    assert len(list(root.iter(f"{space}edge"))) == len(drawn["links"]["near"])
