"""Hops over HTTP: who may report, what is refused with which status, and what the answer says."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.input_service.app import HOPS, PARTS, make_app
from hoploom.input_service.relay import HEADER
from hoploom.input_service.settings import Settings
from hoploom.input_service.shards import SLOTS
from hoploom.kit.testing import OnMesh
from hoploom.wire.hops import MAX_HOPS
from waiting import eventually

Client = TestClient[web.Request, web.Application]
WORKER = {"Authorization": "Bearer secret"}
REPORT: dict[str, Any] = {"v": 1, "worker": "w1", "campaign": "demo", "hops": ["8.8.8.8", "9.9.9.9", "10.0.0.1"]}
CAMPAIGN: dict[str, Any] = {"v": 1, "id": "demo", "blocks": ["9.9.9.9"], "contact": "noc@example.org"}
NOTHING = {"known": 0, "new": 0, "in_set": 0, "special": 0, "excluded": 0, "opted_out": 0, "capped": 0}


@pytest.fixture
async def client(on_mesh: OnMesh, tmp_path: Path) -> AsyncIterator[Client]:
    token = tmp_path / "token"
    token.write_text("secret")
    app = on_mesh(make_app(Settings(worker_token_file=str(token), operator_token_file=str(token))), background=True)
    async with TestClient(TestServer(app)) as opened:
        await eventually("all slots are owned", lambda: len(app[PARTS].ownership.mine) == SLOTS)
        await eventually("all are known", lambda: len(app[HOPS]._mine()) == SLOTS)
        assert (await opened.post("/api/v1/campaigns", json=CAMPAIGN, headers=WORKER)).status == 201
        yield opened


async def posted(client: Client, **change: object) -> tuple[int, dict[str, Any]]:
    answer = await client.post("/hops", json={**REPORT, **change}, headers=WORKER)
    return answer.status, await answer.json()


@pytest.mark.parametrize("headers", [{}, {HEADER: "1"}], ids=["from outside", "passed on"])
async def test_a_report_says_what_became_of_its_hops_and_again_that_they_are_known(
    client: Client, headers: dict[str, str]
) -> None:
    answer = await client.post("/hops", json=REPORT, headers={**WORKER, **headers})
    assert await answer.json() == {"v": 1, **NOTHING, "new": 1, "in_set": 1, "special": 1}
    assert await posted(client) == (200, {"v": 1, **NOTHING, "known": 1, "in_set": 1, "special": 1})


async def test_hops_that_were_made_targets_are_shown_with_their_campaign_and_not_among_those_of_people(
    client: Client,
) -> None:
    await posted(client)
    assert isinstance(client.server, TestServer) and client.server.app
    await client.server.app[HOPS].flush()
    shown = await (await client.get("/api/v1/campaigns?parent=demo")).json()
    assert [(each["campaign"]["parent"], each["campaign"]["targets"]) for each in shown["campaigns"]] == [("demo", 1)]
    shown = await (await client.get("/api/v1/campaigns")).json()
    assert [each["campaign"]["id"] for each in shown["campaigns"]] == ["demo"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"campaign": "none"}, 404),
        ({"campaign": "../demo"}, 422),
        ({"worker": "a/b"}, 422),
        ({"worker": None}, 400),
        ({"hops": "8.8.8.8"}, 400),
        ({"hops": [8]}, 400),
        ({"hops": ["8.8.8.8", "8.8.8.0/24"]}, 422),
        ({"hops": ["8.8.8.8", "router.example.org"]}, 422),
        ({"hops": ["8.8.8.8"] * (MAX_HOPS + 1)}, 422),
        ({"v": 2}, 422),
    ],
)
async def test_a_bad_report_is_refused_and_changes_nothing(
    client: Client, change: dict[str, object], status: int
) -> None:
    assert (await posted(client, **change))[0] == status
    assert (await posted(client))[1]["new"] == 1


async def test_nobody_reports_without_the_workers_token(client: Client) -> None:
    assert (await client.post("/hops", json=REPORT)).status == 401
    assert (await client.get("/hops", headers=WORKER)).status == 405
    assert (await posted(client, hops=[]))[1] == {"v": 1, **NOTHING}
