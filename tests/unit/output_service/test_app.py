"""An output enters its store in the list of stores as soon as Consul takes it, and never waits for that."""

import json
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.output_service import app as output
from hoploom.output_service.handlers import STORE
from hoploom.output_service.settings import Settings
from waiting import eventually


@pytest.mark.parametrize("refusals", [0, 3])
async def test_the_store_is_listed_however_often_consul_refuses(
    on_mesh: OnMesh, fake_consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    put, left = fake_consul.kv_put, list(range(refusals))

    async def refusing(key: str, value: bytes, *, cas: int | None = None) -> bool:
        if left:
            left.pop()
            raise Unavailable("no leader")
        return await put(key, value, cas=cas)

    monkeypatch.setattr(fake_consul, "kv_put", refusing)
    monkeypatch.setattr(output, "_ANNOUNCE_AGAIN_S", 0.01)
    app = on_mesh(output.make_app(Settings(db_dir=tmp_path / "db")), background=True)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/ready")).status == 200
        key = f"{output.STORES}{app[STORE].uuid}"
        entry = await eventually("the store is listed", lambda: fake_consul.kv_get(key))
        assert json.loads(entry.value)["uuid"] == app[STORE].uuid and not left
