"""`POST /api/v1/plans`: what would be done, for operators, and nothing is."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role
from people_made import signed_in

Client = TestClient[web.Request, web.Application]
REQUEST = {"v": 1, "id": "demo", "blocks": ["127.0.0.0/24"], "allow_private": True}
TOKEN = {"Authorization": "Bearer operator-secret"}


@pytest.fixture
def app(on_mesh: OnMesh, tmp_path: Path) -> web.Application:
    (tmp_path / "operator").write_text("operator-secret\n")
    return on_mesh(make_app(Settings(operator_token_file=str(tmp_path / "operator"))))


async def test_a_plan_is_told_and_nothing_is_written(app: web.Application, fake_consul: FakeConsul) -> None:
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/api/v1/plans", json=REQUEST, headers=TOKEN)
        found = (await answer.json())["plan"]
        assert (answer.status, found["targets"], found["seconds"], found["lacks_contact"]) == (200, 256, None, False)
        kept = [each.key for each in await fake_consul.kv_list("hoploom/campaigns/")]
        assert kept == []


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"blocks": []}, 422, "there is no block to probe"),
        ({"blocks": ["x"]}, 422, "not an IP address"),
        ({"blocks": "x"}, 400, "wrong type"),
        ({"allow_private": False}, 403, "own key"),
        ({"unknown": 1}, 422, "no field"),
    ],
)
async def test_what_will_not_do_is_a_problem_document(
    app: web.Application, change: dict[str, object], status: int, said: str
) -> None:
    async with TestClient(TestServer(app)) as client:
        answer = await client.post("/api/v1/plans", json={**REQUEST, **change}, headers=TOKEN)
        assert answer.status == status and answer.content_type == "application/problem+json"
        assert said in (await answer.json())["detail"]


async def test_plans_are_for_operators(app: web.Application, fake_consul: FakeConsul) -> None:
    async with TestClient(TestServer(app)) as client:
        assert (await client.post("/api/v1/plans", json=REQUEST)).status == 401
        headers = await signed_in(fake_consul, Role.VIEWER)
        assert (await client.post("/api/v1/plans", json=REQUEST, headers=headers)).status == 403
