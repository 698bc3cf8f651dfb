"""What a worker that joined tells managers, and when; managers are real servers of this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import advertising
from hoploom.ping_service.advertising import CLASH, Advertising
from hoploom.ping_service.boot_count import BootCount
from hoploom.ping_service.identity import JoinedIdentity
from hoploom.ping_service.identity_folder import Enrolment, IdentityFolder
from hoploom.trust.keys import verify
from hoploom.wire import ads
from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.ads import Ad, Answer
from unit.ping_service.managers import ANSWER
from waiting import eventually


class FakeManager:
    """Takes ads, and answers what the test sets."""

    def __init__(self) -> None:
        self.heard: list[Ad] = []
        self.status, self.managers = 200, tuple[str, ...]()
        self.highest, self.clash = 0, False
        app = web.Application()
        app.add_routes([web.post("/ads", self._take)])
        self.server = TestServer(app, host="127.0.0.1")
        self.public = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def _take(self, request: web.Request) -> web.Response:
        _, [envelope] = ads.read_message(await request.json())
        assert verify(self.public, envelope.ad, envelope.signature)
        ad = Ad.from_bytes(envelope.ad)
        self.heard.append(ad)
        if self.status != 200:
            return web.json_response({"detail": "no"}, status=self.status)
        highest = {ad.id: max(self.highest, ad.boot)}
        answer = Answer(managers=self.managers, highest=highest, clashes=("pi",) if self.clash else ())
        return web.json_response(answer.to_json())


class Edge:
    """A worker that joined at the first of two managers, and whose status the test sets."""

    def __init__(self, folder: Path, managers: list[FakeManager]) -> None:
        identities = IdentityFolder(folder)
        key = identities.key()
        for each in managers:
            each.public = key.public
        identities.write(Enrolment(mesh_url=managers[0].url, answer=replace(ANSWER, highest_boot=4)))
        self.http, self.body = HttpClient(), WorkerBody(note="idle")
        self.clients = advertising.clients(managers[0].url, "")
        self.identity = JoinedIdentity(identities, self.http)
        self.advertising = Advertising(
            self.identity, BootCount(folder), self._body, self.clients
        )
        self.bodies = 0

    def has_looked_on(self) -> bool:
        """Whether it has gone on for long after what came before."""
        return self.bodies > 20

    def _body(self) -> WorkerBody:
        self.bodies += 1
        return self.body

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.get_running_loop().create_task(self.advertising.run(lambda: asyncio.sleep(0.005)))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def managers() -> AsyncIterator[list[FakeManager]]:
    made = [FakeManager(), FakeManager()]
    for each in made:
        await each.server.start_server()
    yield made
    for each in made:
        await each.server.close()


@pytest.fixture
async def edge(tmp_path: Path, managers: list[FakeManager]) -> AsyncIterator[Edge]:
    made = Edge(tmp_path, managers)
    yield made
    for each in (made.http, *made.clients):
        await each.close()


def said(manager: FakeManager) -> list[tuple[int, int, str, bool]]:
    return [(each.boot, each.generation, each.body.note, each.down) for each in manager.heard
            if isinstance(each.body, WorkerBody)]  # fmt: skip


async def test_its_status_is_told_at_once_when_it_changes_and_that_it_stops(
    edge: Edge, managers: list[FakeManager]
) -> None:
    async with edge.running():
        await eventually("the first ad", lambda: managers[0].heard)
        edge.body = replace(edge.body, uptime_s=7)
        edge.body = replace(edge.body, status="warning", note="no socket")
        await eventually("the change", lambda: len(managers[0].heard) > 1)
        await edge.advertising.leave()
    # The boot count is higher than what the mesh knew at the enrolment.
    assert said(managers[0]) == [(5, 1, "idle", False), (5, 2, "no socket", False), (5, 3, "no socket", True)]


async def test_every_manager_that_is_named_is_told(edge: Edge, managers: list[FakeManager]) -> None:
    managers[0].managers = (managers[1].url,)
    async with edge.running():
        await eventually("the first ad", lambda: managers[0].heard)
        edge.body = replace(edge.body, note="busy")
        await eventually("the other manager", lambda: managers[1].heard)
    assert edge.advertising.urls() == [each.url for each in managers]


async def test_nothing_of_this_machine_or_of_nobody_is_asked_whoever_names_it(
    edge: Edge, managers: list[FakeManager]
) -> None:
    # It leads to the other manager, and is no address to be asked.
    managers[0].managers = (f"http://0.0.0.0:{managers[1].server.port}", "file:///etc/passwd", "http://[::1")
    async with edge.running():
        await eventually("the first ad", lambda: managers[0].heard)
        edge.body = replace(edge.body, note="busy")
        await eventually("the second ad", lambda: len(managers[0].heard) > 1)
        edge.bodies = 0
        await eventually("its going on", edge.has_looked_on)
    assert managers[1].heard == []


async def test_one_that_is_not_reached_is_left_out_for_a_while_and_the_own_one_never(
    edge: Edge, managers: list[FakeManager]
) -> None:
    managers[0].managers = ("http://127.0.0.1:1",)
    async with edge.running():
        await eventually("its name", lambda: len(edge.advertising.urls()) == 2)
        edge.body = replace(edge.body, note="busy")
        await eventually("its absence", lambda: len(edge.advertising.urls()) == 1)
        own, edge.bodies = managers[0].url, 0
        await managers[0].server.close()
        edge.body = replace(edge.body, note="alone")
        await eventually("its going on", edge.has_looked_on)
    assert edge.advertising.urls() == [own]


async def test_a_lost_boot_count_is_taken_up_from_what_the_mesh_remembers(
    edge: Edge, managers: list[FakeManager], tmp_path: Path
) -> None:
    managers[0].highest = 57
    async with edge.running():
        await eventually("the second ad", lambda: len(managers[0].heard) > 1)
    assert [(each.boot, each.generation) for each in managers[0].heard] == [(5, 1), (58, 1)]
    assert BootCount(tmp_path).next() == 59


async def test_a_clash_is_said_once_in_the_log_and_to_all_who_ask(
    edge: Edge, managers: list[FakeManager], caplog: pytest.LogCaptureFixture
) -> None:
    managers[0].clash = True
    async with edge.running():
        await eventually("the clash", lambda: edge.advertising.trouble)
        # That it is known now is a change of status, and told at once.
        await eventually("the second ad", lambda: len(managers[0].heard) > 1)
        edge.body = replace(edge.body, note="busy")
        await eventually("the third ad", lambda: len(managers[0].heard) > 2)
    assert [each.message for each in caplog.records].count(CLASH) == 1
    assert said(managers[0])[-1] == (5, 3, f"{CLASH}; busy", False)


@pytest.mark.parametrize(("status", "renews"), [(401, True), (403, False), (422, False)])
async def test_who_is_not_believed_renews_its_credential_where_that_is_the_reason(
    edge: Edge, managers: list[FakeManager], monkeypatch: pytest.MonkeyPatch, status: int, renews: bool
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(edge.identity, "renew_soon", lambda: asked.append(1))
    managers[0].status = status
    async with edge.running():
        await eventually("the first ad", lambda: managers[0].heard)
        edge.body = replace(edge.body, note="busy")
        await eventually("the second ad", lambda: len(managers[0].heard) > 1)
    assert bool(asked) is renews
    assert edge.advertising.trouble == ""
