"""What is read of a mesh, and what is said of the rest."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from hoploom.kit.consul_records import Instance, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.routing.audit import Observed
from hoploom.routing.observing import Known, Observer, looked_twice
from hoploom.routing.observing_fabio import Source
from unit.routing.meshes_made import fabio, line, mesh, shop
from unit.routing.test_observing_fabio import FakePages


class FakeCatalogue:
    """A Consul that is only read: whoever calls anything else finds no such method."""

    def __init__(self) -> None:
        self.names = {"consul": [], "shop": ["urlprefix-/shop"], "db": ["v1"], "pool": ["internal-/x"]}
        self.keys = [KvEntry("fabio/config/a", b"# none\n", 1)]
        self.asked = list[str]()
        self.refuses_keys = False

    async def services(self) -> dict[str, list[str]]:
        return self.names

    async def instances(self, service: str, *, passing: bool = True) -> tuple[int, list[Instance]]:
        self.asked.append(service)
        return 1, [shop()]

    async def kv_get(self, key: str) -> KvEntry | None:
        if self.refuses_keys:
            raise Unavailable("Consul refused the token: Permission denied")
        return None

    async def kv_list(self, prefix: str) -> list[KvEntry]:
        # As the real one: what may not be read is left out.
        return [each for each in self.keys if each.key.startswith(prefix) and not self.refuses_keys]


@pytest.fixture
async def pages() -> AsyncIterator[str]:
    running = TestServer(FakePages().app(), host="127.0.0.1")
    await running.start_server()
    yield f"http://127.0.0.1:{running.port}"
    await running.close()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


async def test_services_without_routes_are_not_asked_for(http: HttpClient, pages: str) -> None:
    consul = FakeCatalogue()
    seen = await Observer(http, consul, [Source("f1", pages)]).look()
    assert consul.asked == ["shop", "consul"]
    assert (seen.dc, seen.servers, seen.only, seen.unseen, len(seen.instances or ())) == ("dc1", 1, None, (), 1)
    assert [(each.key, each.text) for each in seen.overrides["fabio/config"]] == [("fabio/config/a", "# none\n")]


async def test_another_prefix_is_asked_for_where_settings_are_not_known(http: HttpClient) -> None:
    consul = FakeCatalogue()
    seen = await Observer(http, consul, [], known=Known("internal-")).look()
    assert consul.asked == ["pool", "consul"]
    assert seen.prefix == "internal-"


async def test_without_consul_its_part_is_unknown_and_that_is_said(http: HttpClient, pages: str) -> None:
    seen = await Observer(http, None, [Source("f1", pages)]).look()
    assert seen.instances is None
    assert any("--consul" in each for each in seen.unseen)


async def test_a_token_that_does_not_see_everything_calls_nobody_stale(http: HttpClient, pages: str) -> None:
    consul = FakeCatalogue()
    del consul.names["consul"]
    seen = await Observer(http, consul, [Source("f1", pages)]).look()
    assert (seen.only, seen.servers) == (frozenset({"shop"}), None)
    assert any("token may not read" in each for each in seen.unseen)


async def test_refused_keys_are_unseen_and_nothing_else_is(http: HttpClient, pages: str) -> None:
    consul = FakeCatalogue()
    consul.refuses_keys = True
    seen = await Observer(http, consul, [Source("f1", pages)]).look()
    assert seen.overrides == {}
    assert len(seen.instances or ()) == 1
    assert any("fabio/config" in each and "Permission denied" in each for each in seen.unseen)


async def test_a_router_without_pages_is_said(http: HttpClient, pages: str) -> None:
    seen = await Observer(http, FakeCatalogue(), [Source("f1", table=f"{pages}/api/routes")]).look()
    assert any("f1" in each and "--fabio-admin" in each for each in seen.unseen)


class Looks(Observer):
    """Sees what it was told, look after look."""

    def __init__(self, http: HttpClient, *seen: Observed) -> None:
        super().__init__(http, None, [])
        self.left = list(seen)

    async def look(self) -> Observed:
        return self.left.pop(0)


@pytest.mark.parametrize(
    ("tables", "settle_s", "kinds", "left"),
    [
        ((True, True), 0.001, [], 1),
        ((False, True), 0.001, [], 0),
        ((False, False), 0.001, ["missing"], 0),
        ((False, True), 0.0, ["missing"], 1),
    ],
    ids=["well at once, so once", "on its way", "it lasts", "once is enough for who says so"],
)
async def test_what_may_pass_by_is_looked_at_twice(
    http: HttpClient, tables: tuple[bool, bool], settle_s: float, kinds: list[str], left: int
) -> None:
    seen = [mesh(shop(index=3), routers=(fabio(*[line()] * listed),)) for listed in tables]
    looks = Looks(http, *seen)
    _, found = await looked_twice(looks, settle_s)
    assert ([str(each.kind) for each in found], len(looks.left)) == (kinds, left)
