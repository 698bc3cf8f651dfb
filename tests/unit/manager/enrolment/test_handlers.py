"""Enrolment over HTTP, at two managers over one store."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.clock import wall_us
from hoploom.kit.external_nodes import EDGE
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.enrolment.admission import STRANGER
from hoploom.manager.enrolment.handlers import DESK
from hoploom.manager.enrolment.wrong_tokens import MOST
from hoploom.manager.settings import Settings
from hoploom.trust.credential import parsed
from hoploom.trust.keys import Signer
from hoploom.wire.enrolment import (
    LEAVE,
    RENEW,
    ROUTE,
    Enrolled,
    EnrolRequest,
    Proof,
    challenge_message,
    proof_message,
    token_digest,
)
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY as OVERLAY
from hoploom.wire.overlay_record import packed
from waiting import eventually

Client = TestClient[web.Request, web.Application]
OPERATOR = {"Authorization": "Bearer the-operator"}
PI, OTHER = Signer.from_bytes(b"p" * 32), Signer.from_bytes(b"o" * 32)
UNKNOWN = "7QK2-M0XD-93FA-TZ4C"


@pytest.fixture
async def managers(tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul) -> AsyncIterator[tuple[Client, Client]]:
    (tmp_path / "operator").write_text("the-operator\n", encoding="utf-8")
    await fake_consul.kv_put(OVERLAY, packed(OverlayDocument(version=1)))
    settings = Settings(operator_token_file=str(tmp_path / "operator"))
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(2):
            server = TestServer(on_mesh(make_app(settings), background=True))
            client = await stack.enter_async_context(TestClient(server))
            await eventually("a manager can sign", partial(signs, client))
            found.append(client)
        yield found[0], found[1]


async def signs(client: Client) -> bool:
    return (await client.post(f"{ROUTE}/challenge")).status == 200


async def invited(client: Client, name: str = "pi-attic", **wishes: Any) -> str:
    answer = await client.post(f"{ROUTE}/invites", json={"v": 1, "name": name, **wishes}, headers=OPERATOR)
    assert answer.status == 200, await answer.text()
    return str((await answer.json())["token"])


def request_of(token: str, signer: Signer = PI, **changes: str) -> dict[str, Any]:
    proof = signer.sign(proof_message(token_digest(token), signer.public))
    return {**EnrolRequest(token=token, key=signer.public, proof=proof, version="0.1.0").to_json(), **changes}


async def proof_of(client: Client, purpose: str, name: str = "pi-attic", signer: Signer = PI) -> dict[str, Any]:
    challenge = (await (await client.post(f"{ROUTE}/challenge")).json())["challenge"]
    signature = signer.sign(challenge_message(purpose, name, challenge))
    return Proof(name=name, challenge=challenge, signature=signature).to_json()


async def posted(client: Client, path: str, document: object, **headers: str) -> tuple[int, dict[str, Any]]:
    answer = await client.post(f"{ROUTE}/{path}", json=document, headers=headers)
    return answer.status, await answer.json(content_type=None)


async def enrolled(client: Client, token: str, signer: Signer = PI) -> Enrolled:
    status, document = await posted(client, "enrol", request_of(token, signer))
    assert status == 200, document
    return Enrolled.from_json(document)


Managers = tuple[Client, Client]


async def test_a_worker_is_invited_at_one_manager_and_joins_at_another(managers: Managers) -> None:
    one, other = managers
    answer = await enrolled(other, await invited(one, max_rate_pps=200, place="Tampere, FI"))
    assert (answer.name, answer.max_rate_pps, answer.gateway) == ("pi-attic", 200, True)
    claimed = parsed(answer.credential).claimed
    assert (claimed.worker, claimed.number, claimed.key) == ("pi-attic", answer.number, PI.public)


async def test_an_answer_that_was_lost_is_given_again_at_another_manager(managers: Managers) -> None:
    one, other = managers
    token = await invited(one)
    first = await enrolled(one, token)
    again = await enrolled(other, token)
    assert replace(again, credential="") == replace(first, credential="")


async def test_a_stranger_hears_the_same_words_for_each_bad_token(
    managers: Managers, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = managers
    used, expired = await invited(one), await invited(one, "other", valid_s=60)
    await enrolled(one, used)
    assert isinstance(one.server, TestServer)
    monkeypatch.setattr(one.server.app[DESK].book, "_now_us", lambda: wall_us() + 3600 * 10**6)
    with caplog.at_level(logging.INFO):
        answers = [
            await posted(one, "enrol", request_of(token, OTHER)) for token in (used, expired, UNKNOWN)
        ]
    assert [(status, document["detail"]) for status, document in answers] == [(403, STRANGER)] * 3
    reasons = [each.getMessage() for each in caplog.records if "a token is refused" in each.getMessage()]
    assert [reason.partition(": ")[2].partition(";")[0] for reason in reasons] == [
        "the token of pi-attic is used", "the token of other has expired", "no such token"
    ]
    assert all("from 127.0.0.1" in reason for reason in reasons)
    assert not any(token in caplog.text for token in (used, expired))


async def test_a_key_that_is_not_the_askers_gets_nothing_and_costs_the_token_nothing(managers: Managers) -> None:
    token = await invited(managers[0])
    status, document = await posted(managers[0], "enrol", request_of(token, OTHER, key=PI.public))
    assert status == 403 and "proof" in document["detail"]
    await enrolled(managers[0], token)


async def test_who_tries_too_many_tokens_waits_and_nobody_else_does(managers: Managers) -> None:
    one, _ = managers
    token, wrong = await invited(one), request_of(UNKNOWN)
    tried = [await posted(one, "enrol", wrong, **{"X-Forwarded-For": "1.2.3.4, 192.0.2.7"}) for _ in range(MOST)]
    assert {status for status, _ in tried} == {403}
    answer = await one.post(f"{ROUTE}/enrol", json=request_of(token), headers={"X-Forwarded-For": "5.6.7.8, 192.0.2.7"})
    assert answer.status == 429 and 0 < int(answer.headers["Retry-After"]) <= 60
    status, _ = await posted(one, "enrol", request_of(token), **{"X-Forwarded-For": "192.0.2.7, 192.0.2.8"})
    assert status == 200


async def test_a_new_credential_for_a_signed_challenge_at_whichever_manager(managers: Managers) -> None:
    one, other = managers
    await enrolled(one, await invited(one))
    proof = await proof_of(one, RENEW)
    status, document = await posted(other, RENEW, proof)
    assert status == 200 and Enrolled.from_json(document).name == "pi-attic"


async def test_a_proof_is_good_for_its_purpose_its_name_and_its_key_alone(managers: Managers) -> None:
    one, _ = managers
    await enrolled(one, await invited(one))
    await enrolled(one, await invited(one, "other"), OTHER)
    for purpose, signer, name in ((LEAVE, PI, "pi-attic"), (RENEW, OTHER, "pi-attic"), (RENEW, PI, "nobody")):
        status, document = await posted(one, RENEW, await proof_of(one, purpose, name, signer))
        assert status == 403 and "join again" in document["detail"], (purpose, name)
    signed = await proof_of(one, RENEW, "other", OTHER)
    assert (await posted(one, RENEW, {**signed, "name": "pi-attic"}))[0] == 403
    assert (await posted(one, RENEW, {**signed, "challenge": "hc1.x.y"}))[0] == 401


async def test_a_revoked_worker_gets_no_credential_until_that_is_taken_back(
    managers: Managers, fake_consul: FakeConsul
) -> None:
    one, other = managers
    token = await invited(one)
    await enrolled(one, token)

    async def status_of(client: Client) -> int:
        return (await posted(client, RENEW, await proof_of(client, RENEW)))[0]

    async def is_refused() -> bool:
        return await status_of(one) == await status_of(other) == 403

    async def is_let_in() -> bool:
        return await status_of(one) == await status_of(other) == 200

    await fake_consul.kv_put(OVERLAY, packed(OverlayDocument(version=2, revoked=("pi-attic",))))
    await eventually("both managers refuse it", is_refused)
    assert (await posted(one, "enrol", request_of(token)))[0] == 403
    await fake_consul.kv_put(OVERLAY, packed(OverlayDocument(version=3)))
    await eventually("both managers let it in", is_let_in)


@pytest.mark.parametrize("by_whom", ["an operator", "the worker itself"])
async def test_a_forgotten_worker_is_not_renewed_and_nothing_is_left_of_it(
    managers: Managers, fake_consul: FakeConsul, by_whom: str
) -> None:
    one, other = managers
    await enrolled(one, await invited(one))
    if by_whom == "an operator":
        assert (await one.delete(f"{ROUTE}/pi-attic", headers=OPERATOR)).status == 200
        assert (await one.delete(f"{ROUTE}/pi-attic", headers=OPERATOR)).status == 404
    else:
        assert (await posted(one, LEAVE, await proof_of(one, LEAVE)))[0] == 200
    assert (await posted(other, RENEW, await proof_of(other, RENEW)))[0] == 403
    left = [each.key for each in await fake_consul.kv_list("hoploom/") if "pi-attic" in each.key + repr(each.value)]
    assert left == ["hoploom/ids/worker/pi-attic"]


async def test_operators_see_who_is_enrolled_and_who_is_invited(managers: Managers) -> None:
    one, other = managers
    number = (await enrolled(one, await invited(one, place="Tampere, FI", latitude=61.5, longitude=23.75))).number
    await invited(one, "pi-cellar")
    document = await (await other.get(ROUTE, headers=OPERATOR)).json()
    assert [(each["name"], each["number"], each["place"], each["revoked"]) for each in document["workers"]] == [
        ("pi-attic", number, "Tampere, FI", False)
    ]
    assert [each["name"] for each in document["invites"]] == ["pi-cellar"]
    shown = (await (await other.get(f"{ROUTE}/pi-attic", headers=OPERATOR)).json())["worker"]
    assert (shown["latitude"], shown["key"]) == (61.5, PI.public)
    assert (await other.get(f"{ROUTE}/nobody", headers=OPERATOR)).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/invites"), ("GET", ""), ("GET", "/pi-attic"), ("DELETE", "/pi-attic")],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}], ids=["no token", "a wrong one"])
async def test_only_operators_invite_look_and_remove(
    managers: Managers, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = await managers[0].request(method, f"{ROUTE}{path}", json={"v": 1, "name": "pi-attic"}, headers=headers)
    assert answer.status == 401


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({"name": "Pi"}, 422, "name"),
        ({"name": "pi", "valid_s": 59}, 422, "valid_s"),
        ({"name": "pi", "max_rate": 5}, 422, "no field"),
        ({"name": "pi", "latitude": 91}, 422, "degrees"),
        ({}, 400, "lacks name"),
    ],
)
async def test_a_misspelt_wish_is_refused(managers: Managers, wish: dict[str, Any], status: int, words: str) -> None:
    answer = await managers[0].post(f"{ROUTE}/invites", json={"v": 1, **wish}, headers=OPERATOR)
    assert answer.status == status and words in (await answer.json(content_type=None))["detail"]


async def test_the_name_of_an_enrolled_worker_is_not_given_away(managers: Managers) -> None:
    one, _ = managers
    await enrolled(one, await invited(one))
    answer = await one.post(f"{ROUTE}/invites", json={"v": 1, "name": "pi-attic"}, headers=OPERATOR)
    assert answer.status == 409


async def test_a_revoked_name_is_let_in_again_before_it_is_invited(managers: Managers, fake_consul: FakeConsul) -> None:
    await fake_consul.kv_put(OVERLAY, packed(OverlayDocument(version=2, revoked=("pi-attic",))))

    async def is_refused() -> bool:
        answer = await managers[0].post(f"{ROUTE}/invites", json={"v": 1, "name": "pi-attic"}, headers=OPERATOR)
        return answer.status == 409 and "revoke pi-attic --undo" in await answer.text()

    await eventually("it is known to be revoked", is_refused)


async def test_a_name_of_the_meshs_own_machines_is_not_given_away(managers: Managers, fake_consul: FakeConsul) -> None:
    fake_consul.add_instance("ping", "127.0.0.1", 1, meta={"worker": "pi-attic"})
    fake_consul.add_instance("ping", "127.0.0.1", 2, meta={"worker": "pi-cellar", EDGE: "true"})
    answer = await managers[0].post(f"{ROUTE}/invites", json={"v": 1, "name": "pi-attic"}, headers=OPERATOR)
    assert answer.status == 409 and "own machines" in await answer.text()
    await invited(managers[0], "pi-cellar")


async def test_nobody_is_called_as_everybody_is_whose_commands_would_go_with_it(managers: Managers) -> None:
    answer = await managers[0].post(f"{ROUTE}/invites", json={"v": 1, "name": "all"}, headers=OPERATOR)
    assert answer.status == 409 and "every worker" in await answer.text()


async def test_while_consul_is_away_nobody_is_refused_for_good(managers: Managers, fake_consul: FakeConsul) -> None:
    one, _ = managers
    token = await invited(one)
    fake_consul.away = True
    assert (await posted(one, "enrol", request_of(token)))[0] == 503
    fake_consul.away = False
    await enrolled(one, token)


async def test_while_consul_is_away_the_workers_are_shown_as_last_known(
    managers: Managers, fake_consul: FakeConsul
) -> None:
    one, other = managers
    await enrolled(one, await invited(one))
    answer = await one.get(ROUTE, headers=OPERATOR)
    assert answer.headers["Age"] == "0"
    listed = await answer.json()
    fake_consul.away = True
    again = await one.get(ROUTE, headers=OPERATOR)
    assert (again.status, await again.json()) == (200, listed)
    # Nobody has asked this one before.
    assert (await other.get(ROUTE, headers=OPERATOR)).status == 503
