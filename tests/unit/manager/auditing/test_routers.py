"""Routers by names that are theirs alone."""

from hoploom.kit import fabio_api
from hoploom.kit.fabio_api import Router
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.auditing import routers


def test_two_of_one_node_are_told_apart_by_their_addresses() -> None:
    found = [Router("n2", "http://h:1/_mesh/x"), Router("n1", "http://g:1/"), Router("n2", "http://h:2/_mesh/y")]
    assert [each.name for each in routers.distinct(found)] == ["n1", "n2 at h:1", "n2 at h:2"]


async def test_also_one_that_does_not_pass_is_registered(fake_consul: FakeConsul) -> None:
    meta = {"proxy": "127.0.0.1:1", "path": "/_mesh/a/api/routes"}
    record = {"ID": "f", "Name": fabio_api.SERVICE, "Address": "", "Port": 1, "Meta": meta, "Checks": [{"Name": "x"}]}
    await fake_consul.register(record)
    assert (await fake_consul.instances(fabio_api.SERVICE))[1] == []
    [found] = await routers.registered(fake_consul)
    assert found.url == "http://127.0.0.1:1/_mesh/a/api/routes"
