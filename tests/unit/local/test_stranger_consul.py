"""What somebody else's Consul says of itself, and whether a mesh can be a guest there."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient
from hoploom.kit.names import Names
from hoploom.local import stranger_consul
from hoploom.local.stranger import Stranger
from hoploom.local.wishes import Wish

Engine = Callable[[Mapping[str, Any]], Awaitable[str]]
NAMES = Names.apart("hoploom")
SELF = {"Config": {"Datacenter": "east", "NodeName": "n1", "Version": "1.22.7"}}
ALLOWED = [{"Resource": "x", "Segment": "y", "Access": "write", "Allow": True}] * 13
GOOD = {
    "/v1/status/leader": "10.0.0.1:8300",
    "/v1/acl/token/self": {"AccessorID": "a"},
    "/v1/agent/self": SELF,
    "/v1/internal/acl/authorize": ALLOWED,
}


async def look(http: HttpClient, url: str, *, said: bool = True) -> stranger_consul.Host | None:
    return await stranger_consul.look(Stranger(http, "Consul", Wish(url, said, "t")), NAMES)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, stranger_consul.Host("east", "n1", "1.22.7", acl=True, makes_tokens=True)),
        (
            {"/v1/internal/acl/authorize": [*ALLOWED, {**ALLOWED[0], "Resource": "acl", "Allow": False}]},
            stranger_consul.Host("east", "n1", "1.22.7", acl=True, makes_tokens=False),
        ),
        (
            {"/v1/acl/token/self": (401, "ACL support disabled")},
            stranger_consul.Host("east", "n1", "1.22.7", acl=False, makes_tokens=False),
        ),
    ],
)
async def test_one_that_will_do_is_described(
    http: HttpClient, engine: Engine, answers: Mapping[str, Any], expected: stranger_consul.Host
) -> None:
    assert await look(http, await engine({**GOOD, **answers})) == expected


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"/v1/status/leader": ""}, "has no leader: wait until"),
        ({"/v1/status/leader": (500, "No known Consul servers")}, "(No known Consul servers): wait until"),
        ({"/v1/status/leader": (404, "no such page")}, "is no Consul"),
        ({"/v1/acl/token/self": (403, "ACL not found")}, "does not know our token: give the token more rights"),
        ({"/v1/agent/self": (403, "Permission denied")}, "refuses /v1/agent/self"),
        ({"/v1/agent/self": {"Config": {**SELF["Config"], "Version": "1.9.1"}}}, "is 1.9.1, and 1.14.0 is the oldest"),
        (
            {"/v1/internal/acl/authorize": [
                {"Resource": "key", "Segment": "hoploom/x", "Access": "write", "Allow": False}, ALLOWED[0],
            ]},
            "may not do key hoploom/x: write: `hoploom up --attach --print-policy` prints",
        ),
        ({"/v1/status/leader": (503, "gone")}, "does not answer"),
    ],
)  # fmt: skip
async def test_one_that_will_not_do_is_named_with_the_way_out(
    http: HttpClient, engine: Engine, answers: Mapping[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        await look(http, await engine({**GOOD, **answers}))
    assert said in str(refused.value)


async def test_where_nobody_has_named_one_and_none_is_there_ours_is_started(http: HttpClient, engine: Engine) -> None:
    assert await look(http, "http://127.0.0.1:1", said=False) is None
    another = await engine({"/v1/status/leader": (200, "<html>another server</html>")})
    assert await look(http, another, said=False) is None


async def test_one_that_somebody_named_has_to_be_there(http: HttpClient) -> None:
    with pytest.raises(ConfigError, match=r"does not answer .* --consul own"):
        await look(http, "http://127.0.0.1:1")
