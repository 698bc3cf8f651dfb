"""The newest traceroutes to an address, over all outputs."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager.paths import traces


def trace(at_us: int, worker: str = "w1") -> dict[str, Any]:
    return {"worker": worker, "campaign": "c", "at_us": at_us, "hops": []}


def output(status: int, found: list[dict[str, Any]], looked_back_us: int | None = None) -> web.Application:
    """An output that says this of one address."""
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        assert request.match_info["address"] == "2001:db8::1" and request.headers["Authorization"] == "Bearer x"
        return web.json_response({"results": found, "looked_back_us": looked_back_us}, status=status)

    app.router.add_get("/api/v1/output/traces/{address}", answer)
    return app


@pytest.mark.parametrize(
    ("said", "times", "looked_back_us", "silent"),
    [
        ([(200, [trace(1), trace(3)]), (200, [trace(2)])], [3, 2, 1], None, 0),
        ([(200, [trace(1)]), (200, [trace(1), trace(1, "w2")])], [1, 1], None, 0),
        ([(200, [trace(each) for each in range(9)])], [8, 7, 6, 5, 4], None, 0),
        ([(200, [], 50), (200, [], 70), (200, [])], [], 70, 0),
        ([(200, [trace(1)]), (500, [])], [1], None, 1),
        ([], [], None, 0),
    ],
    ids=["newest first", "a batch that two took", "as many as are shown", "the one that came least far", "one is away",
         "no output"],
)  # fmt: skip
async def test_every_output_is_asked(
    on_mesh: OnMesh,
    fake_consul: FakeConsul,
    said: list[tuple[Any, ...]],
    times: list[int],
    looked_back_us: int | None,
    silent: int,
) -> None:
    app = web.Application()
    kit.setup(app, name="manager", routes=["/"])
    servers = [TestServer(output(*each)) for each in said]
    for server in servers:
        await server.start_server()
        fake_consul.add_instance("output", "127.0.0.1", server.port or 0)
    async with TestClient(TestServer(on_mesh(app))):
        found = await traces.newest(kit.mesh(app), {"Authorization": "Bearer x"}, "2001:db8::1")
    for server in servers:
        await server.close()
    assert [row["at_us"] for row in found.rows] == times
    assert found.looked_back_us == looked_back_us and (len(found.silent) == silent or not said)
