"""A name that leads to an address which may not be asked is not connected to."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient


async def test_a_name_is_judged_by_where_it_leads_when_it_is_asked() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="inside")

    app = web.Application()
    app.add_routes([web.get("/", answer)])
    careful = HttpClient(why_not=lambda address: "own" if address in ("127.0.0.1", "::1") else "")
    careless = HttpClient(why_not=lambda _: "")
    async with TestServer(app, host="localhost") as server:
        try:
            assert (await careless.request("GET", f"http://localhost:{server.port}/")).body == b"inside"
            with pytest.raises(Unavailable, match="leads nowhere good"):
                await careful.request("GET", f"http://localhost:{server.port}/")
        finally:
            await careful.close()
            await careless.close()
