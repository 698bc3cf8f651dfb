"""What is asked of the mesh for its pages."""

from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.kit.settings import Settings
from hoploom.manager.seeing import asking


async def _table(_: web.Request) -> web.Response:
    routes = [("orders", "10.0.0.1:80"), ("output", "10.0.0.2:80"), ("fabio-routes", "127.0.0.1:9998")]
    return web.json_response([{"service": name, "src": "/", "dst": f"http://{where}/"} for name, where in routes])


async def test_instances_of_others_services_are_known_by_name_but_not_among_strangers(fake_consul: FakeConsul) -> None:
    app = web.Application()
    app.router.add_get("/_mesh/a/api/routes", _table)
    async with TestServer(app) as server:
        meta = {"proxy": f"127.0.0.1:{server.port}", "path": "/_mesh/a/api/routes"}
        routes = {"ID": "f", "Name": "fabio-routes", "Address": "", "Port": 1, "Meta": meta}
        await fake_consul.register(routes)
        await fake_consul.register({"ID": "orders-1", "Name": "orders", "Address": "10.0.0.1", "Port": 80})
        mesh = Mesh("manager", settings=Settings())
        mesh.consul = fake_consul
        [table] = await asking.tables(mesh)
        assert (len(table.routes), table.others) == (3, {"10.0.0.1:80": "orders-1"})
        mesh.settings = Settings(service_prefix="loom-")
        assert [each.others for each in await asking.tables(mesh)] == [{}]
        await mesh.close()
