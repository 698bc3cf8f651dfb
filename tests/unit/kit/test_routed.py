"""Whether every passing Fabio lists this instance: asked of fake tables."""

import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit import fabio_api, metrics, routed
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.kit.ports import FurtherPort, Port
from hoploom.kit.settings import Settings
from hoploom.kit.tags import Route

OURS = {"service": "orders", "src": "/orders", "dst": "http://127.0.0.1:1234/"}
OTHER = {"service": "orders", "src": "/orders", "dst": "http://127.0.0.1:1235/"}


class Fabios:
    """Two routers on one node, whose tables a test sets."""

    def __init__(self) -> None:
        self.tables: dict[str, list[dict[str, str]]] = {"a": [OURS, OTHER], "b": [OTHER, OURS]}

    async def table(self, request: web.Request) -> web.Response:
        return web.json_response(self.tables[request.match_info["name"]])


@pytest.fixture
def fabios() -> Fabios:
    return Fabios()


@pytest.fixture
async def mesh(fabios: Fabios, fake_consul: FakeConsul) -> AsyncIterator[Mesh]:
    app = web.Application()
    app.router.add_get("/_mesh/{name}/api/routes", fabios.table)
    mesh = Mesh("orders", (Route(path="/orders"),), settings=Settings())
    mesh.consul, mesh.port = fake_consul, 1234
    async with TestServer(app) as server:
        # By two addresses, as two Fabios on one node have them.
        for name, host in (("a", "127.0.0.1"), ("b", "localhost")):
            await fake_consul.register(
                {
                    "ID": f"fabio-routes-{name}",
                    "Name": "fabio-routes",
                    "Address": "127.0.0.1",
                    "Port": 1,
                    "Meta": {"proxy": f"{host}:{server.port}", "path": f"/_mesh/{name}/api/routes"},
                }
            )
        yield mesh
        await mesh.close()


TABLES: list[tuple[str, tuple[list[dict[str, str]], ...], int]] = [
    ("both list it", ([OURS], [OURS]), 0),
    ("the first does not", ([OTHER], [OURS]), 1),
    ("the second does not", ([OURS], [OTHER]), 1),
    ("neither does", ([], []), 2),
]


@pytest.mark.parametrize(("what", "tables", "missing"), TABLES, ids=[each[0] for each in TABLES])
async def test_missing_from(
    what: str, tables: tuple[list[dict[str, str]], ...], missing: int, mesh: Mesh, fabios: Fabios
) -> None:
    fabios.tables = dict(zip("ab", tables, strict=True))
    assert len(await routed.missing_from(mesh)) == missing, what


async def test_the_tables_are_measured_and_a_fabio_that_left_is_measured_no_more(
    mesh: Mesh, fabios: Fabios, fake_consul: FakeConsul
) -> None:
    def measured(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    fabios.tables = {"a": [OTHER], "b": [OTHER, OURS]}
    node = fabio_api.routers((await fake_consul.instances("fabio-routes"))[1])
    await routed.missing_from(mesh)
    assert measured("hoploom_unlisted_by_fabios") == 1
    assert [measured("hoploom_fabio_table_routes", fabio=each.name) for each in node] == [1, 2]
    for name in ("a", "b"):
        await fake_consul.deregister(f"fabio-routes-{name}")
    await routed.missing_from(mesh)
    assert measured("hoploom_unlisted_by_fabios") == 1, "where no Fabio passes, nobody is routed to"
    assert not [each for each in node if measured("hoploom_fabio_table_routes", fabio=each.name) is not None]


async def test_the_canary_is_no_route_of_a_table(mesh: Mesh, fabios: Fabios, fake_consul: FakeConsul) -> None:
    canary = {**OTHER, "src": f"/loom{fabio_api.CANARY_PATH}manager-1"}
    fabios.tables = {"a": [OURS, canary], "b": [OURS]}
    assert await routed.missing_from(mesh) == []
    for each in fabio_api.routers((await fake_consul.instances("fabio-routes"))[1]):
        assert metrics.registry.get_sample_value("hoploom_fabio_table_routes", {"fabio": each.name}) == 1


@pytest.mark.parametrize("still", ["a", "b"])
async def test_gone_means_gone_from_both_of_one_node(still: str, mesh: Mesh, fabios: Fabios) -> None:
    fabios.tables = {"a": [OTHER], "b": [OTHER]}
    assert await routed.until_gone(mesh, 5.0)
    fabios.tables[still] = [OURS]
    assert not await routed.until_gone(mesh, 0.02), "and the wait is bounded"


async def test_a_further_port_is_listed_and_gone_like_the_first(mesh: Mesh, fabios: Fabios) -> None:
    grpc = {"service": "orders-grpc", "src": "/x.Orders", "dst": "grpc://127.0.0.1:1236"}
    port = Port("grpc", lambda *_: contextlib.nullcontext(1236))
    mesh.further = (FurtherPort(port, (Route(path="/x.Orders"),), 1236), FurtherPort(port, (), 1237))
    fabios.tables = {"a": [OURS, grpc], "b": [OURS]}
    assert len(await routed.missing_from(mesh)) == 1
    fabios.tables["b"] = [grpc, OURS]
    assert await routed.missing_from(mesh) == [], "a port without routes is in no table"
    fabios.tables = {"a": [OTHER], "b": [grpc]}
    assert not await routed.until_gone(mesh, 0.02)
    fabios.tables["b"] = []
    assert await routed.until_gone(mesh, 5.0)


async def test_a_fabio_that_is_not_passing_is_not_asked(
    mesh: Mesh, fabios: Fabios, fake_consul: FakeConsul
) -> None:
    fabios.tables = {"a": [OURS], "b": []}
    fake_consul.set_check("fabio-routes-b", "Fabio answers", "critical")
    assert await routed.missing_from(mesh) == []


async def test_without_consul_nobody_knows(mesh: Mesh, fake_consul: FakeConsul) -> None:
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await routed.missing_from(mesh)
    assert not await routed.until_gone(mesh, 0.01)


async def test_without_any_fabio_it_is_missing_and_it_is_gone(mesh: Mesh, fake_consul: FakeConsul) -> None:
    for name in ("a", "b"):
        await fake_consul.deregister(f"fabio-routes-{name}")
    assert await routed.missing_from(mesh) == ["any Fabio: none is passing"]
    assert await routed.until_gone(mesh, 1.0)
