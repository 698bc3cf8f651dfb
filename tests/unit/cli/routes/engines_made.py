"""A Consul agent and Fabios' pages as far as an audit reads them, in one server of loopback; other methods fail."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from unit.routing.test_observing_fabio import CONFIG


class FakeEngines:
    """What is registered, and what a Fabio says of itself."""

    def __init__(self) -> None:
        self.port = 0
        self.services: dict[str, list[dict[str, Any]]] = {"consul": []}
        self.keys: list[dict[str, Any]] = []
        self.routes: list[dict[str, Any]] = []
        self.config: dict[str, Any] = json.loads(json.dumps(CONFIG))
        self.has_pages = True
        self.methods = set[str]()

    @property
    def url(self) -> str:
        """Of both."""
        return f"http://127.0.0.1:{self.port}"

    def add(
        self, name: str, address: str = "127.0.0.1", port: int = 1, tags: tuple[str, ...] = (), **meta: str
    ) -> None:
        """Register a passing instance."""
        service = {"ID": f"{name}-1", "Address": address, "Port": port, "Tags": list(tags), "Meta": meta}
        checks = [{"Name": "alive", "Status": "passing", "CheckID": "c", "ServiceID": f"{name}-1"}]
        entry = {"Service": service, "Node": {"Node": "n1", "Address": address, "Datacenter": "dc1"}, "Checks": checks}
        self.services.setdefault(name, []).append(entry)

    async def answer(self, request: web.Request) -> web.Response:
        """Any request."""
        self.methods.add(request.method)
        path = request.path
        if path == "/v1/catalog/services":
            return web.json_response({
                name: sorted({tag for each in known for tag in each["Service"]["Tags"]})
                for name, known in self.services.items()
            })  # fmt: skip
        if path.startswith("/v1/health/service/"):
            return web.json_response(self.services.get(path.rpartition("/")[2], []))
        if path.startswith("/v1/kv/"):
            return web.json_response(self.keys) if self.keys else web.Response(status=404)
        known: dict[str, Any] = {"/api/config": self.config, "/api/routes": self.routes}
        if not self.has_pages or path not in {*known, "/api/version"}:
            return web.Response(status=404)
        return web.json_response(known[path]) if path in known else web.Response(text="1.7.2")


@asynccontextmanager
async def engines_made() -> AsyncIterator[FakeEngines]:
    """Running engines."""
    made = FakeEngines()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    made.port = server.port or 0
    yield made
    await server.close()
