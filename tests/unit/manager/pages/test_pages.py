"""Home, fleet, a worker and mesh make sense in an empty mesh, without Consul, and with any name."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import crowd
from hoploom.kit.clock import wall_us
from hoploom.kit.external_nodes import EDGE, ExternalNode, entered
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.auditing import record
from hoploom.manager.auditing.standing import FindingStanding, RouterStanding, Standing
from hoploom.manager.pages.words import segment
from hoploom.manager.registry import REGISTRY
from hoploom.manager.settings import Settings
from hoploom.manager.sight import SIGHT
from hoploom.wire.people import Role
from people_made import signed_in

Pages = TestClient[web.Request, web.Application]
EVERY = ("/", "/fleet", "/mesh")
HTML = {"Accept": "text/html"}


@pytest.fixture
async def pages(on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[Pages]:
    app = make_app(Settings(fabio_addr="http://127.0.0.1:1", doors="Consul=https://consul.example.org/ui/"))
    headers = await signed_in(fake_consul)
    async with TestClient(TestServer(on_mesh(app)), headers={**headers, **HTML}) as client:
        yield client


async def look(pages: Pages) -> None:
    app: web.Application = pages.server.app  # type: ignore[attr-defined]
    await app[SIGHT].fresh()


async def text(pages: Pages, path: str, status: int = 200) -> str:
    answer = await pages.get(path)
    assert (answer.status, answer.content_type) == (status, "text/html")
    return await answer.text()


@pytest.mark.parametrize("path", EVERY)
async def test_before_the_first_look_a_page_says_that_nothing_is_known_yet(pages: Pages, path: str) -> None:
    said = await text(pages, path)
    assert "has just started" in said or "Not known yet" in said
    assert "No problem" not in said


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", ["the input service is away", "Nobody is registered", "Nothing has happened yet", "consul.example.org"]),
        ("/fleet", ["Nobody is registered", "hoploom worker invite NAME"]),
        ("/mesh", ["No role was ever led", "No router is passing", "Nothing has happened yet"]),
    ],
)
async def test_an_empty_mesh_says_how_to_begin(pages: Pages, path: str, words: list[str]) -> None:
    await look(pages)
    said = await text(pages, path)
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize("path", [*EVERY, "/fleet/output-00000001"])
async def test_while_consul_is_away_the_last_known_stands_with_its_age(
    pages: Pages, fake_consul: FakeConsul, path: str
) -> None:
    async with crowd.services() as port:
        await crowd.instances(fake_consul, 6, port)
        await look(pages)
        before = await text(pages, path)
        fake_consul.away = True
        await look(pages)
        after = await text(pages, path)
    names = [f"{crowd.SERVICES[each % 3]}-{each:08x}" for each in range(6)]
    assert {each for each in names if each in before} == {each for each in names if each in after}
    if path in EVERY:
        assert "Consul is away" in after and "Consul is away" not in before
        assert re.search(r"of [0-9]+ s ago|[0-9]+ s old", after)


@pytest.mark.parametrize("path", [*EVERY, f"/fleet/{segment(crowd.LONG_NAME)}"])
async def test_a_long_name_of_another_script_stands_apart_and_leads_to_its_page(
    pages: Pages, fake_consul: FakeConsul, path: str
) -> None:
    meta = {EDGE: "true", "worker": crowd.LONG_NAME, "version": "0.1.0"}
    node = ExternalNode("edge-x", "ping", "ping-x", (), meta, "critical", "<script>alert(1)</script> “x”")
    await fake_consul.kv_txn(entered(node))
    await look(pages)
    said = await text(pages, path)
    assert "<script>alert" not in said
    if path != "/mesh":
        assert f"<bdi>{crowd.LONG_NAME}</bdi>" in said
    if path in ("/", "/fleet"):
        assert f'href="fleet/{segment(crowd.LONG_NAME)}"' in said


ROUTERS = (
    RouterStanding("n1", "stalled", 10**15, "the table of n1 stands still", 9, 0.25, 0.51, 20, 24),
    RouterStanding("n2", "follows", 10**15, shrunken="the table of n2 has lost routes"),
    RouterStanding("n3"),
    RouterStanding("n4", "as a later version says"),
)
FOUND = FindingStanding("bad-override", "error", "n1", "line 3", "line 3 <b>freezes", "write `route add`", 10**15)


async def test_how_routers_stand_is_shown_with_cures_and_its_age(pages: Pages, fake_consul: FakeConsul) -> None:
    standing = Standing("manager-9", wall_us(), ROUTERS, (FOUND,) * 31, 4, ("the settings of n1",))
    for written in (standing, replace(standing, at_us=wall_us() - 10**9)):
        await fake_consul.kv_put(record.KEY, record.encoded(written))
        await look(pages)
        said = await text(pages, "/mesh")
        for word in ("stands still", "not timed yet", "0.25 s", "0.51 s", "the table of n2 has lost routes",
                     "line 3 &lt;b&gt;freezes", "<code>route add</code>", "and 5 more",
                     "the settings of n1"):  # fmt: skip
            assert word in said, word
        assert ("Nobody has written since" in said) is (written is not standing)
    home = await text(pages, "/")
    assert "restart that Fabio" not in home, "what was long ago is nobody's problem"


async def test_who_is_not_there_is_said_on_a_page_to_a_person_and_in_a_document_to_a_program(pages: Pages) -> None:
    await look(pages)
    said = await text(pages, "/fleet/%3Cb%3E", 404)
    assert "nobody here is called &lt;b&gt;" in said and 'href="../"' in said
    answer = await pages.get("/fleet/nobody", headers={"Accept": "*/*"})
    assert (answer.status, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=99999999999", "page=2", "sort=;x", "state=x"])
async def test_a_query_that_makes_no_sense_shows_the_fleet_all_the_same(
    pages: Pages, fake_consul: FakeConsul, query: str
) -> None:
    async with crowd.services() as port:
        await crowd.instances(fake_consul, 3, port)
        await look(pages)
        assert "3 of 3 instances" in await text(pages, f"/fleet?{query}")


async def test_a_large_fleet_is_turned_over_page_by_page(pages: Pages, fake_consul: FakeConsul) -> None:
    app: web.Application = pages.server.app  # type: ignore[attr-defined]
    await crowd.workers(fake_consul, app[REGISTRY], 120)
    await look(pages)
    rows = [(await text(pages, f"/fleet?sort=name&page={number}")).count("fleet/pi-") for number in (1, 2, 3, 4)]
    assert rows == [50, 50, 20, 20]
    said = await text(pages, "/")
    # Three fell silent and are named; of twelve that are not well nine are only counted.
    assert "and 9 more of this kind" in said and said.count("of this kind") == 1


@pytest.mark.parametrize("path", [*EVERY, "/fleet/pi-002"])
@pytest.mark.parametrize("role", list(Role))
async def test_all_probing_can_be_paused_from_every_page_by_who_may(
    pages: Pages, fake_consul: FakeConsul, path: str, role: Role
) -> None:
    app: web.Application = pages.server.app  # type: ignore[attr-defined]
    await crowd.workers(fake_consul, app[REGISTRY], 3)
    await look(pages)
    answer = await pages.get(path, headers=await signed_in(fake_consul, role))
    said = await answer.text()
    button = said.partition('class="pause"')[2].partition("</form>")[0]
    assert "Pause all probing" in button and 'name="csrf"' in button
    assert ("disabled" in button) == (role is Role.VIEWER) == ("for operators: you are viewer" in button)
