"""A manager's doors for ads: who may come in, and what is answered (security list, lines 1, 2, 5, 23 and 24)."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.app import make_app
from hoploom.manager.enrolment import records
from hoploom.manager.enrolment.records import WorkerRecord, worker_key
from hoploom.manager.registry import REGISTRY
from hoploom.manager.settings import Settings
from hoploom.manager.signing import SIGNING, Signing
from hoploom.trust.attaching import GUARD, ROLL
from hoploom.trust.credential import Credential, issue
from hoploom.trust.keys import Signer
from hoploom.wire import ads
from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.ads import MAX_FIRST, Ad, Envelope
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY as OVERLAY
from hoploom.wire.overlay_record import packed
from people_made import signed_in
from unit.manager.ads_made import ad_of
from waiting import eventually

Put = Callable[..., web.Application]
MESH_TOKEN = {"Authorization": "Bearer the-mesh"}


@dataclass
class Door:
    """A manager that serves, and what a worker needs at it."""

    app: web.Application
    client: TestClient[web.Request, web.Application]
    pi: Signer

    @property
    def signing(self) -> Signing:
        return self.app[SIGNING]

    def credential(self, name: str = "pi-1") -> str:
        return self.signing.issue(name, 7, self.pi.public)

    def envelope(self, ad: Ad, **fields: Any) -> Envelope:
        made = Envelope(ad=ad.to_bytes(), signature=self.pi.sign(ad.to_bytes()), credential=self.credential())
        return replace(made, **fields)

    async def post(self, *envelopes: Envelope) -> tuple[int, dict[str, Any]]:
        answer = await self.client.post("/ads", json=ads.message(list(envelopes)))
        return answer.status, await answer.json()

    def known(self) -> list[str]:
        return [each.id for each in self.app[REGISTRY].workers()]


async def signs(signing: Signing) -> bool:
    try:
        return bool(signing.current)
    except Unavailable:
        return False


@pytest.fixture
async def door(on_mesh: Put, fake_consul: FakeConsul, tmp_path: Path) -> AsyncIterator[Door]:
    token = tmp_path / "token"
    token.write_text("the-mesh\n")
    revoked = OverlayDocument(version=1, revoked=("pi-9",))
    await fake_consul.kv_put(OVERLAY, packed(revoked))
    app = on_mesh(make_app(Settings(worker_token_file=str(token), urls="https://map.example.org/")), background=True)
    async with TestClient(TestServer(app), headers=await signed_in(fake_consul)) as client:
        await eventually("keys", lambda: signs(app[SIGNING]))
        door = Door(app, client, Signer.new())
        await eventually("revocations", lambda: knows_who_is_revoked(door))
        await eventually("its own ad", app[REGISTRY].managers)
        yield door


async def knows_who_is_revoked(door: Door) -> bool:
    try:
        return bool(await door.app[GUARD].credential(door.credential()))
    except Unavailable:
        return False


async def test_a_worker_is_heard_and_told_where_managers_are_and_its_highest_boot(door: Door) -> None:
    body = WorkerBody(place="Turku", note="<b>ready</b>")
    status, answer = await door.post(door.envelope(ad_of(57, body=body)))
    assert (status, answer) == (
        200, {"v": 1, "managers": ["https://map.example.org"], "highest": {"pi-1": 57}, "clashes": []}
    )
    overview = await (await door.client.get("/api/v1/overview")).json()
    assert [(each["id"], each["status"], each["clash"]) for each in overview["workers"]] == [
        ("pi-1", "passing", False)
    ]
    text = await (await door.client.get("/fleet")).text()
    assert "Turku" in text and "&lt;b&gt;ready" in text


async def test_a_wiped_worker_hears_its_highest_boot_though_its_ad_is_old(door: Door) -> None:
    await door.post(door.envelope(ad_of(57)))
    assert (await door.post(door.envelope(ad_of(1, "b"))))[1]["highest"] == {"pi-1": 57}
    assert door.app[REGISTRY].workers()[0].ad.boot == 57


async def test_two_machines_with_one_card_are_named_to_both_and_on_the_page(door: Door) -> None:
    await door.post(door.envelope(ad_of(5, "a")))
    assert (await door.post(door.envelope(ad_of(5, "b"))))[1]["clashes"] == ["pi-1"]
    assert (await door.post(door.envelope(ad_of(5, "a", 2))))[1]["clashes"] == ["pi-1"]
    overview = await (await door.client.get("/api/v1/overview")).json()
    assert [(each["status"], each["clash"]) for each in overview["workers"]] == [("warning", True)]
    assert any("pi-1 runs on more than one machine" in each for each in overview["problems"])
    assert "on more than one machine with one key" in await (await door.client.get("/")).text()


async def test_who_shows_nothing_good_is_refused_and_nothing_is_kept(door: Door) -> None:
    own = door.signing.current
    expired = issue(own.signer, Credential(kid=own.record.kid, worker="pi-1", number=7, key=door.pi.public, dc="dc1",
                                           expires_s=1))  # fmt: skip
    stranger = Signer.new()
    for what, ad, fields, status in (
        ("no credential", ad_of(), {"credential": "", "kid": "0" * 16}, 401),
        ("an expired one", ad_of(), {"credential": expired}, 401),
        ("another's signature", ad_of(), {"signature": stranger.sign(ad_of().to_bytes())}, 401),
        ("another's name", ad_of(id="pi-2"), {}, 403),
        ("a revoked worker's", ad_of(id="pi-9"), {"credential": door.credential("pi-9")}, 403),
        ("a count that freezes a name", ad_of(generation=2**53), {}, 422),
    ):
        assert (await door.post(door.envelope(ad, **fields)))[0] == status, what
    assert door.known() == []


async def test_a_jump_of_counts_freezes_nobody(door: Door) -> None:
    await door.post(door.envelope(ad_of(5, "a", 1)))
    for ad in (ad_of(MAX_FIRST + 1, "b"), ad_of(5, "a", MAX_FIRST + 1), ad_of(5, "a", MAX_FIRST)):
        await door.post(door.envelope(ad))
    assert (await door.post(door.envelope(ad_of(MAX_FIRST, "c"))))[1]["highest"] == {"pi-1": MAX_FIRST}
    assert (await door.post(door.envelope(ad_of(MAX_FIRST + 1, "d"))))[1]["highest"] == {"pi-1": MAX_FIRST + 1}


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("no JSON", b"{", 400),
        ("no ads", b'{"v":1,"ads":[]}', 422),
        ("ten thousand deep", b"[" * 10_000, 400),
        ("a message over its size", b'{"v":1,"ads":["' + b"x" * ads.MAX_MESSAGE_BYTES + b'"]}', 413),
        ("ads of something else", b'{"v":1,"ads":[1]}', 400),
        ("a sender with a slash", b'{"v":1,"sender":"../x","ads":[1]}', 422),
    ],
)
async def test_what_is_no_message_is_refused(door: Door, what: str, body: bytes, status: int) -> None:
    answer = await door.client.post("/ads", data=body, headers={"Content-Type": "application/json"})
    assert answer.status == status, what


async def test_what_was_heard_is_told_to_managers_alone_since_credentials_are_in_it(door: Door) -> None:
    await door.post(door.envelope(ad_of()))
    worker = {"Authorization": f"Bearer {door.credential()}"}
    for headers, status in ((None, 401), ({"Authorization": "Bearer wrong"}, 401), (worker, 403)):
        assert (await door.client.get("/ads", headers=headers)).status == status
    told = await (await door.client.get("/ads", headers=MESH_TOKEN)).json()
    kinds = sorted(Ad.from_bytes(Envelope.from_json(each).ad).kind for each in told["ads"])
    assert (kinds, told["id"]) == (["manager", "worker"], told["managers"][0]["id"])


async def test_the_list_of_managers_is_for_managers_and_workers_and_has_no_credential(door: Door) -> None:
    await door.post(door.envelope(ad_of()))
    assert (await door.client.get("/managers")).status == 401
    answer = await door.client.get("/managers", headers={"Authorization": f"Bearer {door.credential()}"})
    document = await answer.json()
    assert [each["urls"] for each in document["managers"]] == [["https://map.example.org"]]
    assert "hw1." not in str(document)


async def test_a_worker_that_is_removed_is_gone_here_at_once_and_stays_so(door: Door, fake_consul: FakeConsul) -> None:
    record = WorkerRecord(name="pi-1", number=7, key=door.pi.public, invited_us=1, enrolled_us=2)
    await fake_consul.kv_put(worker_key("pi-1"), records.packed(record))
    await door.post(door.envelope(ad_of()))
    # Who was enrolled and removed between two looks was never seen as enrolled: in no mesh is that so quick.
    await eventually("the record", lambda: "pi-1" in door.app[ROLL].names)
    await fake_consul.kv_delete(worker_key("pi-1"))
    await eventually("nobody", lambda: door.known() == [])
    assert (await door.post(door.envelope(ad_of(generation=2))))[0] == 403
    assert door.known() == []
