"""Campaigns of several datacenters: the page names the one that is away, and a summary is of all outputs or of none."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.app import make_app
from hoploom.manager.settings import Settings
from people_made import signed_in
from unit.manager.test_page import BATCH, CAMPAIGN, Page, Put, service

SAID = {"targets": 4, "finished": False, "as_of_us": 0, "away": ""}
PARTS = {"dc1": SAID, "dc2": {**SAID, "as_of_us": 50_520_000_000, "away": "no <way>"}}
SLICED = {**CAMPAIGN, "datacenters": PARTS, "finished": False}
BATCHES = "/api/v1/output/campaigns/2000000000/batches"


def output(start: int) -> web.Application:
    batch = {**BATCH, "batch": f"b{start}", "start": start, "stop": start + 4}
    return service({BATCHES: {"batches": [batch]}})


@pytest.fixture
async def page(on_mesh: Put, fake_consul: FakeConsul) -> AsyncIterator[Page]:
    """A manager of dc1 beside an input and an output, and an output in dc2."""
    inputs = service({"/api/v1/campaigns": {"campaigns": [SLICED]}, "/api/v1/campaigns/demo": SLICED})
    async with contextlib.AsyncExitStack() as stack:
        for name, app, dc in (("input", inputs, "dc1"), ("output", output(0), "dc1"), ("output", output(4), "dc2")):
            server = await stack.enter_async_context(TestServer(app))
            fake_consul.add_instance(name, "127.0.0.1", server.port or 0, dc=dc)
        manager = on_mesh(make_app(Settings(fabio_addr="http://127.0.0.1:1")))
        yield await stack.enter_async_context(TestClient(TestServer(manager), headers=await signed_in(fake_consul)))


async def test_the_page_names_the_datacenter_that_is_away_and_since_when(page: Page) -> None:
    await page.get("/api/v1/overview")
    text = await (await page.get("/")).text()
    assert "dc2 is away, its part is as of 1970-01-01 14:02:00 UTC: <bdi>no &lt;way&gt;" in text
    assert "dc1 is away" not in text


async def test_a_summary_is_of_the_outputs_of_all_datacenters(page: Page) -> None:
    summary = (await (await page.get("/api/v1/summary/demo")).json())["summary"]["local"]
    assert summary["targets"] == 8


async def test_a_summary_without_a_datacenter_would_be_wrong(page: Page, fake_consul: FakeConsul) -> None:
    fake_consul.away_datacenters = {"dc2"}
    assert (await page.get("/api/v1/summary/demo")).status == 503
