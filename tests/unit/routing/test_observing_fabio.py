"""A Fabio is read by its pages."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit.http_client import HttpClient
from hoploom.routing import observing_fabio
from hoploom.routing.audit_observed import Settings
from hoploom.routing.observing_fabio import Source

TOKEN = "b3c7f1aa-secret"
CONFIG: dict[str, Any] = {
    "Registry": {"Backend": "consul", "Consul": {
        "Addr": "localhost:8500", "Token": TOKEN, "KVPath": "/fabio/config", "TagPrefix": "urlprefix-",
        "ChecksRequired": "one", "ServiceStatus": ["passing"], "RequireConsistent": True, "AllowStale": False,
        "PollInterval": 0, "ServiceMonitors": 1}},
    "UI": {"Access": "rw", "Listen": {"Addr": ":9998"}},
    "Proxy": {"DialTimeout": 30_000_000_000, "NoRouteStatus": 404, "Strategy": "rnd", "ShutdownWait": 0,
              "DeregisterGracePeriod": 0},
    "Runtime": {"GOGC": 100},
    "GlobMatchingDisabled": False,
    "Listen": [{"Addr": ":9999", "CertSource": {"VaultFetchToken": ""}}],
    "Metrics": {"Target": "", "Circonus": {"APIKey": ""}},
    "BGP": {"Peers": None},
}  # fmt: skip
"""What matters of `/api/config` of a Fabio 1.7.2 as it comes, with a token."""
ROUTES = [{"service": "shop", "host": "", "path": "/shop", "src": "/shop", "dst": "http://10.0.0.1:1/", "opts": "",
           "weight": 1, "cmd": "route add"}]  # fmt: skip


class FakePages:
    """Fabio's admin pages, and what they answer."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str]] = {
            "/api/routes": (200, json.dumps(ROUTES)),
            "/api/config": (200, json.dumps(CONFIG)),
            "/api/version": (200, "1.7.2"),
        }
        self.methods = set[str]()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        self.methods.add(request.method)
        status, text = self.answers.get(request.path, (404, ""))
        return web.Response(status=status, text=text)


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[FakePages, str]]:
    pages = FakePages()
    running = TestServer(pages.app(), host="127.0.0.1")
    await running.start_server()
    yield pages, f"http://127.0.0.1:{running.port}"
    await running.close()


async def test_a_fabio_as_it_comes_is_read_whole_and_only_read(
    http: HttpClient, server: tuple[FakePages, str]
) -> None:
    seen = await observing_fabio.look(http, Source("f1", server[1]))
    assert (seen.name, seen.version, seen.away, seen.is_open) == ("f1", "1.7.2", "", False)
    assert seen.settings == Settings(secrets=("registry.consul.token",))
    assert [each.src for each in seen.routes or ()] == ["/shop"]
    assert server[0].methods == {"GET"}


async def test_a_token_is_named_and_never_kept(http: HttpClient, server: tuple[FakePages, str]) -> None:
    assert TOKEN not in repr(await observing_fabio.look(http, Source("f1", server[1])))


@pytest.mark.parametrize(
    ("path", "answer"),
    [("/api/config", (403, "Forbidden")), ("/api/config", (200, "{}")), ("/api/config", (200, "<html>")),
     ("/api/config", (200, "[]")), ("/api/config", (503, ""))],
)  # fmt: skip
async def test_settings_that_cannot_be_read_are_not_known(
    http: HttpClient, server: tuple[FakePages, str], path: str, answer: tuple[int, str]
) -> None:
    server[0].answers[path] = answer
    seen = await observing_fabio.look(http, Source("f1", server[1]))
    assert (seen.settings, seen.away) == (None, "")


@pytest.mark.parametrize("answer", [(200, "hello"), (500, ""), (404, ""), (200, '{"a": 1}')])
async def test_what_has_no_table_is_away(
    http: HttpClient, server: tuple[FakePages, str], answer: tuple[int, str]
) -> None:
    server[0].answers["/api/routes"] = answer
    seen = await observing_fabio.look(http, Source("f1", server[1]))
    assert seen.away
    assert seen.routes is None


async def test_nobody_there_is_away(http: HttpClient) -> None:
    seen = await observing_fabio.look(http, Source("f1", "http://127.0.0.1:1"))
    assert "http://127.0.0.1:1/api/routes" in seen.away


async def test_a_table_that_a_mesh_routes_is_read_without_pages(
    http: HttpClient, server: tuple[FakePages, str]
) -> None:
    seen = await observing_fabio.look(http, Source("f1", table=f"{server[1]}/api/routes"))
    assert (len(seen.routes or ()), seen.settings, seen.version) == (1, None, "")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"Metrics": {"Circonus": {"APIKey": "k"}}}, "metrics.circonus.apikey"),
        ({"Listen": [{"Addr": ":9999", "CertSource": {"VaultFetchToken": "k"}}]}, "proxy.cs vaultfetchtoken"),
        ({"BGP": {"Peers": [{"Password": "k"}]}}, "bgp.peers password"),
    ],
)
def test_other_secrets_are_named_too(change: dict[str, Any], name: str) -> None:
    assert observing_fabio.settings({**CONFIG, **change}).secrets == ("registry.consul.token", name)


def test_an_older_fabio_knows_fewer_settings() -> None:
    consul = {"Addr": "localhost:8500", "KVPath": "/fabio/config", "TagPrefix": "urlprefix-"}
    old = {**CONFIG, "Registry": {"Backend": "consul", "Consul": consul}}
    del old["GlobMatchingDisabled"]
    old["Proxy"] = {"DialTimeout": 30_000_000_000}
    found = observing_fabio.settings(old)
    assert (found.checks_required, found.consistent, found.stale, found.globs) == ("one", True, False, True)
    assert (found.no_route_status, found.grace_s, found.strategy, found.monitors) == (None,) * 4
