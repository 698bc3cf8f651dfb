"""Who may take work, and for whom: every door for workers, asked by each kind of caller."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.input_service.app import PARTS, make_app
from hoploom.input_service.budget_desk import ROUTE as BUDGET
from hoploom.input_service.relay import HEADER
from hoploom.input_service.settings import Settings
from hoploom.input_service.shards import SLOTS
from hoploom.kit import metrics
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.trust import revocations
from hoploom.trust.credential import issue
from hoploom.trust.keys import Signer
from hoploom.wire.lease import Lease
from unit.trust.issuing import OTHER_KID, bearer, credential, publish
from waiting import eventually

Client = TestClient[web.Request, web.Application]
OPERATOR = {"Authorization": "Bearer operator-secret"}
SHARED = {"Authorization": "Bearer worker-secret"}
CAMPAIGN: dict[str, Any] = {"v": 1, "id": "demo", "blocks": ["127.0.0.0/24"], "allow_private": True}
ASKED: dict[str, Any] = {"v": 1, "request_id": "r1", "worker": "pi-1", "group": "all", "rate_pps": 0, "families": [4],
                         "allow_private": True}
SAID: dict[str, Any] = {"v": 1, "worker": "pi-1", "campaign": "demo", "group": "all"}
REPORT: dict[str, Any] = {"v": 1, "worker": "pi-1", "campaign": "demo", "hops": ["192.0.2.1"]}
LEASE = "demo.1.all.0.4.0.0.0-10.0123456789abcdef"


@pytest.fixture
async def client(
    on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    monkeypatch.setattr(revocations, "PACE_S", 0.0)
    for name in ("operator", "worker"):
        (tmp_path / name).write_text(f"{name}-secret\n")
    await publish(fake_consul)
    settings = Settings(operator_token_file=str(tmp_path / "operator"), worker_token_file=str(tmp_path / "worker"))
    app = on_mesh(make_app(settings), background=True)
    async with TestClient(TestServer(app)) as client:
        await eventually("all slots are owned", lambda: len(app[PARTS].ownership.mine) == SLOTS)
        await eventually("who is revoked is known", lambda: is_answered(client, bearer("pi-1"), 200))
        assert (await client.post("/api/v1/campaigns", json=CAMPAIGN, headers=OPERATOR)).status == 201
        yield client


async def is_answered(client: Client, headers: dict[str, str], status: int) -> bool:
    return (await client.get("/api/v1/overlay", headers=headers)).status == status


# Method, path, body, and whether it names a worker.
DOORS: dict[str, tuple[str, str, dict[str, Any] | None, bool]] = {
    "a lease": ("POST", "/leases", ASKED, True),
    "done": ("POST", f"/leases/{LEASE}/done", SAID, True),
    "renew": ("POST", f"/leases/{LEASE}/renew", {**SAID, "stored_upto": 0}, True),
    "return": ("POST", f"/leases/{LEASE}/return", {**SAID, "stored_upto": 0}, True),
    "hops": ("POST", "/hops", REPORT, True),
    "targets": ("GET", "/targets?worker=pi-1&group=simple&count=1", None, True),
    "the overlay": ("GET", "/api/v1/overlay", None, False),
}
STRANGERS = {
    "nobody": {},
    "a made-up token": {"Authorization": "Bearer guessed"},
    "a credential signed by nobody's manager": {
        "Authorization": f"Bearer {issue(Signer.new(), credential('pi-1', expires_s=2**40))}"
    },
    "one whose key is not known": bearer("pi-1", kid=OTHER_KID),
    "one that has expired": bearer("pi-1", expires_s=1_000_000_000),
}


async def asked(client: Client, door: str, headers: dict[str, str]) -> int:
    method, path, body, _ = DOORS[door]
    return (await client.request(method, path, json=body, headers=headers)).status


async def test_strangers_are_refused_at_every_door(client: Client) -> None:
    found = {(door, who): await asked(client, door, headers) for door in DOORS for who, headers in STRANGERS.items()}
    assert {where: status for where, status in found.items() if status != 401} == {}
    shown = await (await client.get("/api/v1/campaigns/demo")).json()
    assert shown["groups"] == {}, "nothing was handed out"


async def test_the_operator_s_token_is_no_worker_s(client: Client) -> None:
    found = {door: await asked(client, door, OPERATOR) for door in DOORS}
    assert found == {**dict.fromkeys(DOORS, 401), "the overlay": 200}


async def test_a_worker_speaks_for_itself_and_for_no_other_at_every_door_that_names_one(client: Client) -> None:
    named = [door for door, (*_, names) in DOORS.items() if names]
    assert {door: await asked(client, door, bearer("pi-2")) for door in named} == dict.fromkeys(named, 403)
    own = {door: await asked(client, door, bearer("pi-1")) for door in DOORS}
    assert (own["a lease"], own["hops"], own["targets"], own["the overlay"]) == (200, 200, 200, 200)
    assert {own[verb] for verb in ("done", "renew", "return")} == {404}, "it is let in, and there is no such lease"


async def test_a_worker_that_names_none_takes_targets_in_its_own_name(client: Client) -> None:
    answer = await client.get("/targets?count=1", headers=bearer("pi-1"))
    assert answer.status == 200
    shown = await (await client.get("/api/v1/campaigns/demo")).json()
    assert list(shown["groups"]) == ["pi-1"]


@pytest.mark.parametrize("door", ["a lease", "done", "hops"])
async def test_no_worker_may_say_that_an_instance_has_passed_its_words_on(client: Client, door: str) -> None:
    assert await asked(client, door, {**bearer("pi-1"), HEADER: "1"}) == 403


async def test_what_instances_ask_each_other_is_not_for_workers(client: Client) -> None:
    assert (await client.post(BUDGET, json={"v": 1}, headers=bearer("pi-1"))).status == 403
    assert (await client.post(BUDGET, json={"v": 1}, headers=SHARED)).status == 422


async def test_a_worker_changes_no_orders_and_makes_no_campaign(client: Client) -> None:
    for path in ("/api/v1/campaigns", "/api/v1/overlay/pause", "/api/v1/overlay/revocations"):
        assert (await client.post(path, json={"v": 1}, headers=bearer("pi-1"))).status == 401


async def test_a_revoked_worker_is_refused_at_every_door_and_the_others_go_on(client: Client) -> None:
    revoked = {"v": 1, "worker": "pi-1", "revoked": True}
    assert (await client.post("/api/v1/overlay/revocations", json=revoked, headers=OPERATOR)).status == 200
    await eventually("it is shut out", lambda: is_answered(client, bearer("pi-1"), 403))
    assert {door: await asked(client, door, bearer("pi-1")) for door in DOORS} == dict.fromkeys(DOORS, 403)
    assert await is_answered(client, bearer("pi-2"), 200)


def refusals(status: str) -> float:
    found = metrics.registry.get_sample_value(
        "hoploom_input_lease_messages_total", {"message": "done", "answer": status}
    )
    return found or 0.0


async def test_a_lease_of_another_s_and_one_of_an_older_owner_are_refused_and_counted(client: Client) -> None:
    answer = await client.post("/leases", json=ASKED, headers=bearer("pi-1"))
    lease = Lease.from_json((await answer.json())["lease"])
    foreign, stale, gone = ({**SAID, "worker": "pi-2"}, {**SAID, "token": "9.999"}, SAID)
    before = {status: refusals(status) for status in ("403", "404", "409")}
    for body, path, headers, status in (
        (foreign, lease.id, bearer("pi-2"), 403),
        (foreign, lease.id, SHARED, 403),
        (stale, lease.id, bearer("pi-1"), 409),
        (gone, lease.id[:-1] + ("0" if lease.id[-1] != "0" else "1"), bearer("pi-1"), 409),
    ):
        answer = await client.post(f"/leases/{path}/done", json=body, headers=headers)
        assert answer.status == status, await answer.text()
    assert refusals("403") - before["403"] == 2 and refusals("409") - before["409"] == 2
    answer = await client.post(f"/leases/{lease.id}/done", json={**SAID, "token": lease.token}, headers=bearer("pi-1"))
    assert answer.status == 200
