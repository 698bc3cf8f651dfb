"""The overlay over HTTP: who may, what is refused, what a change answers, and how a long poll ends."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.input_service.app import PARTS, make_app
from hoploom.input_service.settings import Settings
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import MESH
from hoploom.kit.testing import OnMesh
from hoploom.wire import routes
from waiting import eventually

Client = TestClient[web.Request, web.Application]
OPERATOR = {"Authorization": "Bearer operator-secret"}
WORKER = {"Authorization": "Bearer worker-secret"}
ROUTE = "/api/v1/overlay"
TODAY = "2026-06-01"


@pytest.fixture
async def client(on_mesh: OnMesh, tmp_path: Path) -> AsyncIterator[Client]:
    for name in ("operator", "worker"):
        (tmp_path / name).write_text(f"{name}-secret\n")
    settings = Settings(operator_token_file=str(tmp_path / "operator"), worker_token_file=str(tmp_path / "worker"))
    app = on_mesh(make_app(settings), background=True)
    async with TestClient(TestServer(app)) as client:
        await eventually("the overlay is known", lambda: app[PARTS].overlay.current is not None)
        app[PARTS].overlay.today = lambda: TODAY
        yield client


async def changed(client: Client, path: str, **wish: object) -> dict[str, Any]:
    answer = await client.post(f"{ROUTE}/{path}", json={"v": 1, **wish}, headers=OPERATOR)
    found: dict[str, Any] = await answer.json()
    assert answer.status == 200, found
    return found


async def overlay(client: Client, known: int = -1, wait_s: int = 0) -> dict[str, Any] | None:
    params = {"known": str(known), "wait_s": str(wait_s)}
    answer = await client.get(ROUTE, params=params, headers=WORKER)
    if answer.status == 304:
        return None
    found: dict[str, Any] = (await answer.json())["overlay"]
    return found


CHANGES = [
    ("a pause", "pause", {"paused": True}, {"paused": True}),
    ("a resumption of one that nobody knows", "pause", {"paused": False, "campaign": "none"}, {"paused": False}),
    ("a cap of the rate", "caps", {"rate_pps": 100}, {"rate_pps": 100, "network_pps": 0}),
    ("both caps", "caps", {"rate_pps": 100, "network_pps": 1}, {"rate_pps": 100, "network_pps": 1}),
    ("a revocation", "revocations", {"worker": "pi-1", "revoked": True}, {"revoked": ["pi-1"]}),
    (
        "an opt-out without end",
        "opt-outs",
        {"block": "2001:DB8::/32", "until": None},
        {"opt_outs": [{"block": "2001:db8::/32", "since": TODAY, "until": "", "note": ""}]},
    ),
    (
        "an opt-out that ends today",
        "opt-outs",
        {"block": "192.0.2.1", "until": TODAY, "note": "by mail"},
        {"opt_outs": [{"block": "192.0.2.1", "since": TODAY, "until": TODAY, "note": "by mail"}]},
    ),
]


@pytest.mark.parametrize(
    ("path", "wish", "expected"), [each[1:] for each in CHANGES], ids=[each[0] for each in CHANGES]
)
async def test_a_change_answers_the_overlay_and_may_be_sent_again(
    client: Client, path: str, wish: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = await changed(client, path, **wish)
    assert {name: found["overlay"][name] for name in expected} == expected
    assert await changed(client, path, **wish) == {**found, "changed": False}
    assert await overlay(client) == found["overlay"]


async def test_what_was_laid_over_can_be_taken_away(client: Client) -> None:
    empty = await overlay(client)
    await changed(client, "pause", paused=True)
    await changed(client, "caps", rate_pps=1, network_pps=1)
    await changed(client, "revocations", worker="pi-1", revoked=True)
    await changed(client, "opt-outs", block="2001:db8::/32")
    await changed(client, "pause", paused=False)
    await changed(client, "caps", rate_pps=0, network_pps=0)
    await changed(client, "revocations", worker="pi-1", revoked=False)
    for expected in (True, False):
        answer = await client.delete(f"{ROUTE}/opt-outs", params={"block": "2001:DB8:0::/32"}, headers=OPERATOR)
        assert answer.status == 200 and (await answer.json())["changed"] is expected
    assert {**(await overlay(client) or {}), "version": 0} == empty


async def test_a_pause_of_one_campaign_names_one_that_there_is(client: Client) -> None:
    slip = await client.post(
        f"{ROUTE}/pause", json={"v": 1, "paused": True, "campaign": "demo"}, headers=OPERATOR
    )
    assert slip.status == 404 and "'demo'" in (await slip.json())["detail"]
    campaign = {"v": 1, "id": "demo", "blocks": ["127.0.0.0/24"], "allow_private": True}
    assert (await client.post("/api/v1/campaigns", json=campaign, headers=OPERATOR)).status == 201
    found = await changed(client, "pause", paused=True, campaign="demo")
    assert (found["overlay"]["paused"], found["overlay"]["paused_campaigns"]) == (False, ["demo"])


@pytest.mark.parametrize(
    ("path", "wish", "status", "reason"),
    [
        ("pause", {}, 400, "lacks paused"),
        ("pause", {"paused": "yes"}, 400, "wrong type"),
        ("pause", {"paused": True, "campain": "demo"}, 422, "no field 'campain'"),
        ("pause", {"paused": True, "campaign": "../x"}, 422, "campaign"),
        ("opt-outs", {}, 400, "lacks block"),
        ("opt-outs", {"block": "192.0.2.1/24"}, 422, "write 192.0.2.0/24"),
        ("opt-outs", {"block": "everybody"}, 422, "not an IP address or CIDR block"),
        ("opt-outs", {"block": "::1", "until": "tomorrow"}, 422, "no day such as"),
        ("opt-outs", {"block": "::1", "until": "2026-05-31"}, 422, "its last day is 2026-05-31"),
        ("opt-outs", {"block": "::1", "note": "x" * 201}, 422, "note"),
        ("caps", {"rate": 100}, 422, "no field 'rate'"),
        ("caps", {"rate_pps": -1}, 422, "rate_pps"),
        ("caps", {"network_pps": "1"}, 400, "network_pps"),
        ("revocations", {"revoked": True}, 400, "lacks worker"),
        ("revocations", {"worker": "a/b", "revoked": True}, 422, "worker"),
        ("revocations", {"worker": "pi-1"}, 400, "lacks revoked"),
    ],
)
async def test_a_change_that_makes_no_sense_has_its_reason_and_changes_nothing(
    client: Client, path: str, wish: dict[str, Any], status: int, reason: str
) -> None:
    before = await overlay(client)
    answer = await client.post(f"{ROUTE}/{path}", json={"v": 1, **wish}, headers=OPERATOR)
    assert answer.status == status and reason in (await answer.json())["detail"]
    assert await overlay(client) == before


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "", {}, 401),
        ("GET", "", WORKER, 200),
        ("GET", "", OPERATOR, 200),
        ("GET", "?known=x", WORKER, 400),
        ("GET", "?known=0&wait_s=1.5", WORKER, 400),
        ("GET", "?known=0&wait_s=-5", WORKER, 304),
        ("GET", "/summary", {}, 200),
        ("POST", "/pause", {}, 401),
        ("POST", "/pause", WORKER, 401),
        ("POST", "/opt-outs", WORKER, 401),
        ("DELETE", "/opt-outs?block=::1", WORKER, 401),
        ("DELETE", "/opt-outs", OPERATOR, 422),
        ("POST", "/caps", WORKER, 401),
        ("POST", "/revocations", WORKER, 401),
        ("PUT", "/pause", OPERATOR, 405),
    ],
)
async def test_workers_read_and_operators_change(
    client: Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await client.request(method, f"{ROUTE}{path}", headers=headers)
    assert answer.status == status


async def test_everybody_may_see_what_is_paused_but_not_who_opted_out(client: Client) -> None:
    await changed(client, "pause", paused=True)
    await changed(client, "opt-outs", block="192.0.2.0/24")
    await changed(client, "revocations", worker="pi-1", revoked=True)
    text = await (await client.get(f"{ROUTE}/summary")).text()
    assert "192.0.2" not in text and "pi-1" not in text
    found = await (await client.get(f"{ROUTE}/summary")).json()
    assert found == {"v": 1, "version": 3, "paused": True, "paused_campaigns": [], "rate_pps": 0, "network_pps": 0,
                     "opt_outs": 1, "revoked": 1}


@pytest.mark.timed(0.5)
async def test_a_change_ends_a_long_poll_at_once(client: Client) -> None:
    before = await overlay(client)
    poll = asyncio.ensure_future(overlay(client, known=before["version"] if before else 0, wait_s=25))
    await eventually("the poll waits", lambda: client.app[MESH].in_flight.count == 1)
    found = await changed(client, "pause", paused=True)
    assert await asyncio.wait_for(poll, 1.0) == found["overlay"]


@pytest.mark.timed(0.5)
async def test_a_drain_waits_for_no_long_poll(client: Client) -> None:
    poll = asyncio.ensure_future(overlay(client, known=0, wait_s=25))
    await eventually("the poll waits", lambda: client.app[MESH].in_flight.count == 1)
    began_s = time.monotonic()
    for step in client.app[MESH].drain_steps:
        await step(client.app)
    assert await asyncio.wait_for(poll, 1.0) is None
    assert await client.app[MESH].in_flight.idle(1.0) and time.monotonic() - began_s < 2


async def test_a_change_is_one_line_of_the_log_with_who_asked(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {**OPERATOR, "X-Request-Id": "call-7"}
    with caplog.at_level(logging.INFO, "hoploom.input_service.overlay_handlers"):
        for _ in range(2):
            await client.post(f"{ROUTE}/opt-outs", json={"v": 1, "block": "::1"}, headers=headers)
    assert [each.getMessage() for each in caplog.records if "overlay" in each.name] == [
        "overlay version 1: ::1 is opted out, asked for by operator, request call-7"
    ]


async def test_consul_away_is_503_and_the_overlay_is_still_read(client: Client, fake_consul: FakeConsul) -> None:
    fake_consul.away = True
    answer = await client.post(f"{ROUTE}/pause", json={"v": 1, "paused": True}, headers=OPERATOR)
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert await overlay(client) is not None


async def test_without_a_workers_token_an_operator_still_reads(on_mesh: OnMesh, tmp_path: Path) -> None:
    (tmp_path / "operator").write_text("operator-secret\n")
    app = on_mesh(make_app(Settings(operator_token_file=str(tmp_path / "operator"))), background=True)
    async with TestClient(TestServer(app)) as client:
        await eventually("the overlay is known", lambda: app[PARTS].overlay.current is not None)
        assert (await client.get(ROUTE, headers=OPERATOR)).status == 200
        assert (await client.get(ROUTE, headers=WORKER)).status == 403


def test_the_overlay_is_routed() -> None:
    assert ROUTE in routes.INPUT


async def test_a_stopped_campaign_is_no_pause_and_does_not_go_on(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    campaign = {"v": 1, "id": "demo", "blocks": ["127.0.0.0/24"], "allow_private": True}
    await client.post("/api/v1/campaigns", json=campaign, headers=OPERATOR)
    stop = "/api/v1/campaigns/demo/stop"
    assert (await client.post(stop, headers=WORKER)).status == 401
    first = await client.post(stop, headers={**OPERATOR, "X-On-Behalf-Of": "%C3%85nna"})
    found = await first.json()
    assert (first.status, found["changed"], found["campaign"]["stopped_by"]) == (200, True, "Ånna")
    assert "campaign demo is stopped by Ånna" in caplog.text
    assert (await (await client.post(stop, headers=OPERATOR)).json()) == {**found, "changed": False}
    assert (await overlay(client) or {})["stopped_campaigns"] == ["demo"]
    assert (await (await client.get(f"{ROUTE}/summary")).json())["paused_campaigns"] == []
    for paused in (False, True):
        wish = {"v": 1, "paused": paused, "campaign": "demo"}
        refused = await client.post(f"{ROUTE}/pause", json=wish, headers=OPERATOR)
        assert refused.status == 422 and "stopped by Ånna, for good" in (await refused.json())["detail"]
    anew = await client.post("/api/v1/campaigns", json={**campaign, "revise": "restart"}, headers=OPERATOR)
    assert anew.status == 201 and "stopped_us" not in (await anew.json())["campaign"]
    assert not (await overlay(client) or {})["paused_campaigns"]
    unknown = await client.post("/api/v1/campaigns/none/stop", headers=OPERATOR)
    assert unknown.status == 404
