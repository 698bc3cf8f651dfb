"""Who may submit results, and for whom: a worker for itself, by a credential that is good; none else leaves a row."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.output_service import handlers
from hoploom.output_service.app import make_app
from hoploom.output_service.settings import Settings
from hoploom.trust import revocations
from hoploom.trust.credential import issue
from hoploom.trust.keys import Signer
from hoploom.wire.batch import OTHER_CONTENT
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, packed
from unit.trust.issuing import OTHER_KID, bearer, credential, publish
from unit.wire.batches import make
from waiting import eventually

Client = TestClient[web.Request, web.Application]
WORKER = "pi-7"
"""The worker of the batches that tests make."""

SHARED = {"Authorization": "Bearer shared-secret"}
FORGED = {"Authorization": f"Bearer {issue(Signer.new(), credential(WORKER, expires_s=2**40))}"}


@pytest.fixture
async def client(
    tmp_path: Path, on_mesh: OnMesh, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    monkeypatch.setattr(revocations, "PACE_S", 0.0)
    for name in ("worker", "operator"):
        (tmp_path / name).write_text(f"{'shared' if name == 'worker' else name}-secret\n")
    await publish(fake_consul)
    settings = Settings(db_dir=tmp_path / "db", worker_token_file=str(tmp_path / "worker"),
                        operator_token_file=str(tmp_path / "operator"))
    async with TestClient(TestServer(on_mesh(make_app(settings), background=True))) as opened:
        await eventually("who is revoked is known", lambda: is_answered(opened, 0, 200))
        yield opened


async def is_answered(client: Client, number: int, status: int) -> bool:
    return (await sent(client, bearer(WORKER), number))[0] == status


async def sent(client: Client, headers: dict[str, str], number: int = 1, **changes: Any) -> tuple[int, str]:
    body = pack(make(number, **changes))
    answer = await client.post("/results", data=body, headers={**headers, "Content-Type": MEDIA_TYPE_ZSTD})
    document = await answer.json()
    return answer.status, document.get("title", str(document.get("duplicate")))


async def rows(client: Client) -> int:
    app = client.app
    assert app is not None
    return int((await app[handlers.STORE].read("SELECT count(*) FROM ping_results"))[0][0])


REFUSED = {
    "no credential": ({}, 401),
    "a made-up token": ({"Authorization": "Bearer guessed"}, 401),
    "a credential signed by nobody's manager": (FORGED, 401),
    "one whose key is not known": (bearer(WORKER, kid=OTHER_KID), 401),
    "one that has expired": (bearer(WORKER, expires_s=1_000_000_000), 401),
    "half of one": ({"Authorization": bearer(WORKER)["Authorization"][:-20]}, 401),
    "the operator's token": ({"Authorization": "Bearer operator-secret"}, 401),
    "the credential of another worker": (bearer("pi-8"), 403),
}


@pytest.mark.parametrize(("headers", "status"), REFUSED.values(), ids=REFUSED)
async def test_nothing_is_stored_with(client: Client, headers: dict[str, str], status: int) -> None:
    before = await rows(client)
    assert (await sent(client, headers))[0] == status
    assert await rows(client) == before == 6


async def test_a_revoked_worker_s_results_are_refused_until_it_is_let_in_again(
    client: Client, fake_consul: FakeConsul
) -> None:
    await fake_consul.kv_put(KEY, packed(OverlayDocument(version=1, revoked=(WORKER,))))
    await eventually("it is shut out", lambda: is_answered(client, 0, 403))
    assert (await sent(client, bearer(WORKER)))[0] == 403
    assert await rows(client) == 6
    await fake_consul.kv_put(KEY, packed(OverlayDocument(version=2)))
    await eventually("it is let in", lambda: is_answered(client, 1, 200))


async def test_a_replayed_batch_stores_no_row_and_other_content_under_its_id_is_a_conflict(client: Client) -> None:
    assert [await sent(client, bearer(WORKER)) for _ in range(3)] == [(200, "False"), (200, "True"), (200, "True")]
    assert await rows(client) == 12
    assert await sent(client, bearer(WORKER), lease="another") == (409, OTHER_CONTENT)
    assert await sent(client, bearer("pi-8")) == (403, "Forbidden"), "another's batch is not even looked up"
    assert await rows(client) == 12


async def test_the_mesh_s_own_workers_go_on_with_the_token_that_they_share(client: Client) -> None:
    assert await sent(client, SHARED) == (200, "False")
    assert await sent(client, SHARED, 2, worker="pi-8", group="pi-8") == (200, "False")


async def test_a_worker_confirms_no_copies(client: Client) -> None:
    answer = await client.post("/api/v1/output/confirmed", json={"v": 1}, headers=bearer(WORKER))
    assert answer.status == 401
