"""What is looked at and how often: the mesh's own among strangers, and never for more than a hundredth of a core."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hoploom.kit import fabio_api
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.manager.auditing.looking import SELDOM_S, Catalogue, Looking


@pytest.fixture
async def looking(fake_consul: FakeConsul) -> AsyncIterator[Looking]:
    mesh = Mesh("manager")
    mesh.consul = fake_consul
    yield Looking(mesh)
    await mesh.http.close()


@pytest.mark.parametrize(
    ("services", "took_s", "rest_s"),
    [(6, 0.001, 10), (200, 0.05, 40), (200, 0.8, 80), (6, 60.0, SELDOM_S), (10_000, 0.0, SELDOM_S)],
    ids=["a small mesh", "hundreds of services", "long tables", "an audit without end", "a very large mesh"],
)
async def test_looks_are_rarer_where_they_cost_more(
    looking: Looking, services: int, took_s: float, rest_s: float
) -> None:
    looking.took_s = took_s
    assert looking.rest_s(services) == pytest.approx(rest_s)


async def test_the_canary_is_no_service_of_the_catalogue_and_others_have_the_names_that_tables_have(
    fake_consul: FakeConsul,
) -> None:
    for name in ("loom-manager", "loom-route-canary", "theirs"):
        fake_consul.add_instance(name, "127.0.0.1", 7)
    catalogue = Catalogue(fake_consul, "loom-")
    assert sorted(await catalogue.services()) == ["consul", "loom-manager", "theirs"]
    # The adapter puts the prefix before it again; the fake knows none.
    fake_consul.add_instance("manager", "127.0.0.1", 8)
    [found] = (await catalogue.instances("loom-manager"))[1]
    assert (found.service, found.port) == ("loom-manager", 8)
    await fake_consul.kv_put("fabio/config/x", b"route del y")
    assert [each.key for each in await catalogue.kv_list("fabio/config")] == ["fabio/config/x"]


async def test_without_consul_what_was_found_stands_and_it_is_said(looking: Looking, fake_consul: FakeConsul) -> None:
    await looking._look()
    fake_consul.away = True
    looking._every_s = 3600.0
    task = asyncio.create_task(looking.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "tables are held against nothing" in looking.unseen[0] and looking._before is None


def test_a_table_has_the_canary_for_nobody() -> None:
    lines = [fabio_api.RouteEntry("route-canary", "/loom/_mesh/canary/m", "x"), fabio_api.RouteEntry("a", "/a", "x")]
    assert [each.service for each in fabio_api.without_canaries(lines)] == ["a"]
