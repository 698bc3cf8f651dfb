"""The routers that are registered."""

from hoploom.kit import fabio_api
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.auditing import routers


async def test_also_one_that_does_not_pass_is_registered(fake_consul: FakeConsul) -> None:
    meta = {"proxy": "127.0.0.1:1", "path": "/_mesh/a/api/routes"}
    record = {"ID": "f", "Name": fabio_api.SERVICE, "Address": "", "Port": 1, "Meta": meta, "Checks": [{"Name": "x"}]}
    await fake_consul.register(record)
    assert (await fake_consul.instances(fabio_api.SERVICE))[1] == []
    [found] = await routers.registered(fake_consul)
    assert found.url == "http://127.0.0.1:1/_mesh/a/api/routes"
