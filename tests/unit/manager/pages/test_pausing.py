"""The button that pauses all probing: whom it asks, in whose name, and what a person sees then."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_app import problem
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role
from people_made import signed_in

Pages = TestClient[web.Request, web.Application]


class Input:
    """An input service that remembers how it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.refuses = 0
        self.paused = False

    async def pause(self, request: web.Request) -> web.Response:
        document = await request.json()
        self.asked.append((request.headers["Authorization"], request.headers["X-On-Behalf-Of"], document))
        if self.refuses:
            return problem(self.refuses, "No", "the epoch is old")
        self.paused = document["paused"]
        return web.json_response({"v": 1, "changed": True})

    async def summary(self, request: web.Request) -> web.Response:
        return web.json_response({"paused": self.paused, "paused_campaigns": [], "opt_outs": 0})


@pytest.fixture
def an_input() -> Input:
    return Input()


@pytest.fixture
async def pages(
    on_mesh: OnMesh, fake_consul: FakeConsul, an_input: Input, tmp_path: Path
) -> AsyncIterator[Pages]:
    app = web.Application()
    app.router.add_post("/api/v1/overlay/pause", an_input.pause)
    app.router.add_get("/api/v1/overlay/summary", an_input.summary)
    (tmp_path / "operator").write_text("operator")
    settings = Settings(fabio_addr="http://127.0.0.1:1", operator_token_file=str(tmp_path / "operator"))
    async with TestServer(app) as server:
        fake_consul.add_instance("input", "127.0.0.1", server.port or 0)
        headers = {**await signed_in(fake_consul, Role.OPERATOR), "Accept": "text/html"}
        async with TestClient(TestServer(on_mesh(make_app(settings))), headers=headers) as client:
            yield client


async def test_a_press_pauses_everything_in_the_persons_name_and_home_shows_it(pages: Pages, an_input: Input) -> None:
    answer = await pages.post("/pause", data={"paused": "yes"})
    assert an_input.asked == [("Bearer operator", "olga", {"v": 1, "paused": True})]
    said = await answer.text()
    assert answer.url.path == "/" and "Probing is paused</strong> everywhere" in said and "Resume probing" in said
    said = await (await pages.post("/pause", data={"paused": "no"})).text()
    assert "Pause all probing" in said


@pytest.mark.parametrize(("refuses", "status"), [(409, 409), (422, 422), (403, 503), (500, 503)])
async def test_what_the_input_service_refuses_is_a_sentence_on_a_page(
    pages: Pages, an_input: Input, refuses: int, status: int
) -> None:
    an_input.refuses = refuses
    answer = await pages.post("/pause", data={"paused": "yes"})
    assert (answer.status, answer.content_type) == (status, "text/html")
    assert "the epoch is old" in await answer.text()


@pytest.mark.parametrize("data", [{}, {"paused": "perhaps"}, {"paused": ""}])
async def test_a_form_that_says_neither_changes_nothing(pages: Pages, an_input: Input, data: dict[str, str]) -> None:
    assert (await pages.post("/pause", data=data)).status == 400
    assert not an_input.asked


async def test_a_viewer_and_a_strange_page_change_nothing(
    pages: Pages, an_input: Input, fake_consul: FakeConsul
) -> None:
    viewer = await signed_in(fake_consul, Role.VIEWER)
    assert (await pages.post("/pause", data={"paused": "yes"}, headers=viewer)).status == 403
    assert (await pages.post("/pause", data={"paused": "yes"}, headers={"X-CSRF": "x"})).status == 403
    assert not an_input.asked
