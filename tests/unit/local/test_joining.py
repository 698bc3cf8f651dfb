"""What is joined of what runs: any subset, and a Fabio only with the Consul that it reads."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.local.attached import Attached
from hoploom.local.joining import join
from hoploom.local.wishes import Wish, Wishes

Engine = Callable[[Mapping[str, Any]], Awaitable[str]]
NOBODY = Wish("http://127.0.0.1:1", said=False)
NOT = Wish("", said=True)
WISHES = Wishes(NOT, NOT, NOT, NOBODY, "loom2")
CONSUL = {
    "/v1/status/leader": "10.0.0.1:8300",
    "/v1/acl/token/self": (401, "ACL support disabled"),
    "/v1/agent/self": {"Config": {"Datacenter": "east", "NodeName": "n1", "Version": "1.22.7"}},
}
FABIO = {
    "/api/version": (200, "1.7.2"),
    "/api/config": {
        "Registry": {"Backend": "consul", "Consul": {
            "TagPrefix": "urlprefix-", "ChecksRequired": "one", "Addr": "127.0.0.1:1",
        }},
        "Proxy": {"Matcher": "prefix"},
        "Listen": [{"Proto": "http", "Addr": ":8080"}],
    },
}  # fmt: skip


async def joined(http: HttpClient, wishes: Wishes, known: Attached | None = None) -> tuple[Attached, list[str]]:
    said: list[str] = []
    found = await join(http, wishes, known or Attached(), lambda label, text: said.append(f"{label} {text}"))
    return found, said


async def test_a_consul_alone_is_joined_and_the_rest_is_ours(http: HttpClient, engine: Engine) -> None:
    url = await engine(CONSUL)
    found, said = await joined(http, replace(WISHES, consul=Wish(url, said=False), fabio=NOBODY, nomad=NOBODY))
    assert (found.engines, found.dc, found.node_dc, found.prefix) == ({"consul": url}, "east", "east", "loom2")
    assert found.id
    assert said == [f"joined Consul 1.22.7 at {url}, datacenter east, ACLs off"]
    assert (await joined(http, replace(WISHES, consul=Wish(url, said=False)), found))[0].id == found.id


async def test_fabio_routes_where_its_configuration_says_unless_somebody_says_otherwise(
    http: HttpClient, engine: Engine
) -> None:
    consul, pages = await engine(CONSUL), await engine(FABIO)
    wishes = replace(WISHES, consul=Wish(consul, said=True), fabio=NOBODY, fabio_admin=Wish(pages, said=True))
    found, said = await joined(http, wishes)
    assert (found.fabio, found.fabio_admin) == ("http://127.0.0.1:8080", pages)
    assert any(each.startswith("note Fabio has registry.consul.checksRequired = one") for each in said)
    named, _ = await joined(http, replace(wishes, fabio=Wish("http://edge:80", said=True)))
    assert named.fabio == "http://edge:80"


async def test_where_nothing_runs_there_is_nothing_to_join(http: HttpClient) -> None:
    with pytest.raises(ConfigError, match="nothing runs here to join"):
        await joined(http, replace(WISHES, consul=NOBODY, nomad=NOBODY))


async def test_a_fabio_without_its_consul_is_refused(http: HttpClient) -> None:
    with pytest.raises(ConfigError, match="only with the Consul that it reads"):
        await joined(http, replace(WISHES, fabio=Wish("http://f:1", said=True)))
