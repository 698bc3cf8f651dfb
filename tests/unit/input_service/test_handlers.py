"""The input service over HTTP: who may, what is refused with which status, and what the answers carry."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.input_service import keys
from hoploom.input_service.app import PARTS, make_app
from hoploom.input_service.campaigns import FRESH_S
from hoploom.input_service.desk import Desk
from hoploom.input_service.handlers import LEASE_HEADER
from hoploom.input_service.settings import Settings
from hoploom.input_service.shard_record import ShardRecord
from hoploom.input_service.shards import SLOTS
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import Answer
from hoploom.kit.testing import OnMesh
from hoploom.targets.address_set import AddressSet
from hoploom.targets.target_set import digest, from_document
from hoploom.wire.lease import Lease
from waiting import eventually

Client = TestClient[web.Request, web.Application]
OPERATOR = {"Authorization": "Bearer operator-secret"}
WORKER = {"Authorization": "Bearer worker-secret"}
CAMPAIGN: dict[str, Any] = {"v": 1, "id": "demo", "blocks": ["127.0.0.0/24"], "allow_private": True}
REQUEST: dict[str, Any] = {"v": 1, "request_id": "r1", "worker": "w1", "group": "all", "rate_pps": 0, "families": [4]}


@pytest.fixture
async def client(on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path) -> AsyncIterator[Client]:
    files = {name: tmp_path / name for name in ("operator", "worker")}
    for name, file in files.items():
        file.write_text(f"{name}-secret\n")
    settings = Settings(
        operator_token_file=str(files["operator"]), worker_token_file=str(files["worker"]), max_body_bytes=4096
    )
    app = on_mesh(make_app(settings), background=True)
    async with an_output() as output, TestClient(TestServer(app)) as client:
        fake_consul.add_instance("output", str(output.host), int(output.port or 0))
        await eventually("all slots are owned", lambda: len(app[PARTS].ownership.mine) == SLOTS)
        yield client


def an_output() -> TestServer:
    """An output that has everything stored."""

    async def coverage(_: web.Request) -> web.Response:
        return web.json_response({"v": 1, "store": "store-1", "ranges": [[0, 2**40]]})

    app = web.Application()
    app.router.add_get("/api/v1/output/campaigns/{number}/coverage", coverage)
    return TestServer(app)


@pytest.fixture
async def campaign(client: Client) -> dict[str, Any]:
    answer = await client.post("/api/v1/campaigns", json=CAMPAIGN, headers=OPERATOR)
    assert answer.status == 201
    found: dict[str, Any] = (await answer.json())["campaign"]
    return found


async def is_ready(client: Client) -> bool:
    return (await client.get("/ready")).status == 200


async def take(client: Client, **change: object) -> Lease:
    answer = await client.post("/leases", json={**REQUEST, **change}, headers=WORKER)
    assert answer.status == 200
    return Lease.from_json((await answer.json())["lease"])


async def finished(client: Client, group: str = "all") -> None:
    async def done() -> bool:
        shown = await (await client.get("/api/v1/campaigns/demo")).json()
        return bool(shown["groups"][group]["finished"])

    await eventually("the campaign is finished", done)


async def test_the_same_campaign_again_is_the_same_answer(client: Client, campaign: dict[str, Any]) -> None:
    again = await client.post("/api/v1/campaigns", json=CAMPAIGN, headers=OPERATOR)
    assert again.status == 200 and (await again.json())["campaign"] == campaign
    other = await client.post("/api/v1/campaigns", json={**CAMPAIGN, "name": "other"}, headers=OPERATOR)
    assert other.status == 422


async def test_a_lease_leads_to_addresses_and_to_a_finished_campaign(client: Client, campaign: dict[str, Any]) -> None:
    lease = await take(client)
    assert (lease.start, lease.stop, lease.campaign_number) == (0, 256, campaign["number"])
    document = await (await client.get(f"/api/v1/sets/{lease.revision}")).json()
    assert digest(document) == lease.revision and AddressSet(from_document(document)).n == 256
    done = {"v": 1, "worker": "w1", "campaign": "demo", "group": "all"}
    for _ in range(2):
        answer = await client.post(f"/leases/{lease.id}/done", json=done, headers=WORKER)
        assert answer.status == 200 and (await answer.json())["done"] == 256
    await finished(client)
    shown = await (await client.get("/api/v1/campaigns/demo")).json()
    assert shown["campaign"] == campaign
    progress = shown["groups"]["all"]
    expected = {"targets": 256, "handed_out": 256, "done": 256, "outstanding": 0, "reissued": 0, "finished": True}
    assert {name: progress[name] for name in expected} == expected and "rate_pps" in progress
    listed = await (await client.get("/api/v1/campaigns")).json()
    assert listed["campaigns"] == [{name: shown[name] for name in ("campaign", "groups")}]


async def test_traceroutes_go_to_workers_that_know_them_and_to_clients_that_name_the_campaign(client: Client) -> None:
    traced = {**CAMPAIGN, "probe": {"kind": "trace", "protocol": "udp"}}
    assert (await client.post("/api/v1/campaigns", json=traced, headers=OPERATOR)).status == 201
    older = await client.post("/leases", json=REQUEST, headers=WORKER)
    assert older.status == 204
    assert (await client.get("/targets?count=3", headers=WORKER)).status == 204
    other = {**REQUEST, "skills": ["ping", "trace"]}
    assert (await client.post("/leases", json=other, headers=WORKER)).status == 204
    named = await client.get("/targets?count=3&campaign=demo&group=all", headers=WORKER)
    assert len((await named.text()).splitlines()) == 3
    lease = await take(client, skills=["ping", "trace", "udp-trace", "survey"], request_id="r2")
    assert (lease.probe.kind, lease.probe.protocol, lease.start) == ("trace", "udp", 3)


async def test_the_same_request_gets_the_same_lease_and_204_follows(client: Client, campaign: dict[str, Any]) -> None:
    assert await take(client) == await take(client)
    nothing = await client.post("/leases", json={**REQUEST, "request_id": "r2"}, headers=WORKER)
    assert nothing.status == 204 and nothing.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/api/v1/campaigns", {}, 401),
        ("POST", "/api/v1/campaigns", WORKER, 401),
        ("POST", "/leases", {}, 401),
        ("POST", "/leases", OPERATOR, 401),
        ("POST", "/leases/demo.1.0.4.0.256.0123456789abcdef/done", {}, 401),
        ("GET", "/targets", {}, 401),
        ("GET", "/api/v1/campaigns/none", {}, 404),
        ("GET", "/api/v1/campaigns/..%2Fids%2Fnext", {}, 404),
        ("GET", "/api/v1/sets/..", {}, 404),
        ("GET", "/api/v1/sets/" + "0" * 64, {}, 404),
        ("GET", "/targets?count=0", WORKER, 400),
        ("GET", "/targets?count=10001", WORKER, 400),
        ("GET", "/targets?count=%C2%B2", WORKER, 400),
        ("GET", "/targets?worker=a/b", WORKER, 400),
        ("GET", "/targets?campaign=none", WORKER, 404),
        ("GET", "/targets?ack=nonsense", WORKER, 404),
        ("GET", "/targets?ack=none.1.0.4.0.256.0123456789abcdef", WORKER, 404),
        ("DELETE", "/leases", WORKER, 405),
    ],
)
async def test_a_call_that_is_not_allowed_or_leads_nowhere_has_its_status(
    client: Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await client.request(method, path, headers=headers)
    assert answer.status == status and answer.content_type == "application/problem+json"
    assert (await answer.json())["detail"]


@pytest.mark.parametrize("path", ["/api/v1/campaigns", "/leases", "/leases/demo.1.0.4.0.256.0123456789abcdef/done"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b"{}", 400),
        (b'{"v":2}', 422),
        (b"[" * 4000, 400),
        (b" " * 5000, 413),
    ],
    ids=["empty", "cut", "a list", "not UTF-8", "no fields", "another version", "nested", "oversized"],
)
async def test_a_malformed_body_is_refused_with_a_reason(client: Client, path: str, body: bytes, status: int) -> None:
    headers = OPERATOR if path.startswith("/api") else WORKER
    answer = await client.post(path, data=body, headers=headers)
    assert answer.status == status and (await answer.json())["detail"]


async def test_an_acknowledgement_has_an_answer_for_each_mistake(client: Client, campaign: dict[str, Any]) -> None:
    lease = await take(client)
    done = {"v": 1, "worker": "w1", "campaign": "demo", "group": "all"}
    for change, lease_id, status in [
        ({"worker": "w2"}, lease.id, 403),
        ({"group": "none"}, lease.id, 404),
        ({"campaign": "none"}, lease.id, 404),
        ({}, "nonsense", 404),
        ({}, lease.id[:-16] + "0" * 16, 409),
    ]:
        answer = await client.post(f"/leases/{lease_id}/done", json={**done, **change}, headers=WORKER)
        assert answer.status == status, change


async def test_a_simple_client_gets_every_address_once_and_acknowledges_by_asking_on(
    client: Client, campaign: dict[str, Any]
) -> None:
    seen: list[str] = []
    lease = ""
    while True:
        ack = {"ack": lease} if lease else {}
        answer = await client.get("/targets", params={"count": "100", **ack}, headers=WORKER)
        if answer.status == 204:
            break
        assert answer.content_type == "text/plain"
        lines = (await answer.text()).splitlines()
        assert len(lines) <= 100
        seen += lines
        lease = answer.headers[LEASE_HEADER]
    assert sorted(map(ipaddress.ip_address, seen)) == list(ipaddress.ip_network("127.0.0.0/24"))
    await finished(client, "curl")


async def test_a_simple_client_s_empty_names_are_as_if_left_out_and_its_record_can_be_read(
    client: Client, campaign: dict[str, Any], fake_consul: FakeConsul
) -> None:
    empty = {"worker": "", "group": "", "request_id": "", "ack": "", "count": "10"}
    answer = await client.get("/targets", params=empty, headers=WORKER)
    assert answer.status == 200
    records = [ShardRecord.from_bytes(entry.value) for entry in await fake_consul.kv_list(keys.GROUPS)]
    assert [(each.ref.group, each.held[0].worker) for each in records] == [("curl", "curl")]


async def test_a_simple_client_hears_what_another_owner_says_of_its_acknowledgement(
    client: Client, campaign: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def said(*_: object, **__: object) -> Answer:
        headers = {"Content-Type": "application/problem+json"}
        return Answer(410, b'{"status":410,"detail":"the lease has ended"}', headers)

    monkeypatch.setattr(Desk, "said", said)
    answer = await client.get("/targets", params={"ack": "demo.1.0.4.0.256.0123456789abcdef"}, headers=WORKER)
    assert answer.status == 410 and (await answer.json(content_type=None))["detail"] == "the lease has ended"


async def test_a_simple_client_gets_no_opted_out_address_and_the_campaign_ends_all_the_same(
    client: Client, campaign: dict[str, Any]
) -> None:
    for block in ("127.0.0.0/25", "127.0.0.130"):
        opt_out = {"v": 1, "block": block}
        assert (await client.post("/api/v1/overlay/opt-outs", json=opt_out, headers=OPERATOR)).status == 200
    answer = await client.get("/targets", params={"count": "256"}, headers=WORKER)
    wanted = {f"127.0.0.{last}" for last in range(128, 256)} - {"127.0.0.130"}
    assert set((await answer.text()).split("\n")) == wanted | {""}
    ack = {"count": "256", "ack": answer.headers[LEASE_HEADER]}
    assert (await client.get("/targets", params=ack, headers=WORKER)).status == 204
    await finished(client, "curl")


async def test_consul_away_is_503_with_a_time_to_retry(client: Client, fake_consul: FakeConsul) -> None:
    await eventually("it is ready", lambda: is_ready(client))
    fake_consul.away = True
    answer = await client.post("/api/v1/campaigns", json=CAMPAIGN, headers=OPERATOR)
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert await is_ready(client)


async def test_idle_workers_and_who_looks_are_answered_as_last_known_while_consul_is_away(
    client: Client, fake_consul: FakeConsul
) -> None:
    # It has read them before it was ready, and nobody has asked since.
    await eventually("it is ready", lambda: is_ready(client))
    fake_consul.away = True
    await asyncio.sleep(FRESH_S)
    assert (await client.post("/leases", json=REQUEST, headers=WORKER)).status == 204
    answer = await client.get("/api/v1/campaigns")
    assert (answer.status, (await answer.json())["campaigns"]) == (200, [])


async def test_without_token_files_nobody_may_change_anything(
    on_mesh: OnMesh,
) -> None:
    async with TestClient(TestServer(on_mesh(make_app(Settings())))) as client:
        answer = await client.post("/api/v1/campaigns", json=CAMPAIGN, headers=OPERATOR)
        assert answer.status == 403
