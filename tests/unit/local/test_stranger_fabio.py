"""Whether somebody else's Fabio routes what we register, by what its pages say."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.local import stranger_fabio
from hoploom.local.stranger import Stranger
from hoploom.local.wishes import Wish

Engine = Callable[[Mapping[str, Any]], Awaitable[str]]
CONSUL = "http://127.0.0.1:8500"


def config(**changes: Any) -> dict[str, Any]:
    registry = {"TagPrefix": "urlprefix-", "ChecksRequired": "all", "Addr": "localhost:8500"}
    listen = [{"Proto": "tcp", "Addr": ":1"}, {"Proto": "http", "Addr": "0.0.0.0:8080"}]
    return {
        "Registry": {
            "Backend": changes.get("Backend", "consul"),
            "Consul": {name: changes.get(name, value) for name, value in registry.items()},
        },
        "Proxy": {"Matcher": changes.get("Matcher", "prefix")},
        "Listen": changes.get("Listen", listen),
    }


async def look(http: HttpClient, url: str, *, said: bool = True) -> stranger_fabio.Router | None:
    pages = Stranger(http, "Fabio", Wish(url, said=False))
    return await stranger_fabio.look(pages, routes_said=said, consul=CONSUL)


async def test_one_that_will_do_says_where_it_routes(http: HttpClient, engine: Engine) -> None:
    url = await engine({"/api/version": (200, "1.7.2"), "/api/config": config()})
    assert await look(http, url) == stranger_fabio.Router(8080, "1.7.2", ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"ChecksRequired": "one"}, "checksRequired = one"), ({"Addr": "c:18500"}, "reads Consul at c:18500")],
)
async def test_what_its_owner_may_want_to_know_is_said(
    http: HttpClient, engine: Engine, changes: dict[str, Any], said: str
) -> None:
    found = await look(http, await engine({"/api/version": (200, "1.7.2"), "/api/config": config(**changes)}))
    assert found is not None
    (note,) = found.notes
    assert said in note


@pytest.mark.parametrize(
    ("version", "changes", "said"),
    [
        ("1.5.15", {}, "is 1.5.15, and 1.6.0 is the oldest"),
        ("1.7.2", {"TagPrefix": "fabio-"}, "has registry.consul.tagprefix = fabio-, and our routes need urlprefix-"),
        ("1.7.2", {"Matcher": "glob"}, "has proxy.matcher = glob"),
        ("1.7.2", {"Backend": "static"}, "has registry.backend = static"),
        ("1.7.2", {"Listen": [{"Proto": "tcp", "Addr": ":1"}]}, "has no listener for http"),
    ],
)
async def test_one_that_will_not_do_is_named_with_the_way_out(
    http: HttpClient, engine: Engine, version: str, changes: dict[str, Any], said: str
) -> None:
    url = await engine({"/api/version": (200, version), "/api/config": config(**changes)})
    with pytest.raises(ConfigError) as refused:
        await look(http, url)
    assert said in str(refused.value)
    assert "--fabio own" in str(refused.value)


async def test_without_its_pages_routes_cannot_be_verified(http: HttpClient) -> None:
    assert await look(http, "http://127.0.0.1:1", said=False) is None
    with pytest.raises(ConfigError, match="routes can be verified nowhere else: name them by --fabio-admin"):
        await look(http, "http://127.0.0.1:1")
