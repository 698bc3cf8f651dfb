"""What managers tell of routers, and settings that cannot be."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import ConfigError
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.app import make_app
from hoploom.manager.auditing import record
from hoploom.manager.auditing.standing import RouterStanding, Standing
from hoploom.manager.settings import Settings
from people_made import signed_in

Api = TestClient[web.Request, web.Application]


async def test_every_manager_tells_what_the_leader_wrote(on_mesh: OnMesh, fake_consul: FakeConsul) -> None:
    app = on_mesh(make_app(Settings()))
    async with TestClient(TestServer(app), headers=await signed_in(fake_consul)) as client:
        empty = await (await client.get("/api/v1/routers")).json()
        assert (empty["v"], empty["leader"], empty["routers"]) == (1, "", [])
        await fake_consul.kv_put(record.KEY, record.encoded(Standing("m-1", 7, (RouterStanding("n1", "stalled"),))))
        found = await (await client.get("/api/v1/routers")).json()
        assert (found["leader"], found["routers"][0]["name"], found["routers"][0]["state"]) == ("m-1", "n1", "stalled")
        fake_consul.away = True
        assert (await client.get("/api/v1/routers")).status == 503


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(canary_s=0.5), "--canary-s is 0 or 1 to 20, not 0.5"),
        (Settings(canary_s=30), "--canary-s is 0 or 1 to 20, not 30"),
        (Settings(canary_s=float("nan")), "--canary-s is 0 or 1 to 20, not nan"),
        (Settings(canary_stall_s=0), "--canary-stall-s is 1 to 20, not 0"),
    ],
    ids=["too often", "so seldom that Consul takes it for dead", "no number", "no patience"],
)
def test_a_pace_that_cannot_be_is_refused_with_what_can(settings: Settings, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make_app(settings)


def test_no_canary_at_all_is_a_choice() -> None:
    assert make_app(Settings(canary_s=0))
