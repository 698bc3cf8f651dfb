"""A prefix at somebody else's Consul belongs to one mesh, and only that one removes it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.local.attached import Attached
from hoploom.local.consul_agent import ConsulAdmin
from hoploom.local.guest import Guest

Engine = Callable[[Mapping[str, Any]], Awaitable[str]]
OURS = Attached(id="7", prefix="hoploom", consul="http://c")


def guest(http: HttpClient, url: str) -> Guest:
    return Guest(ConsulAdmin(http, url, "t", OURS.names), OURS)


@pytest.mark.parametrize(
    "answers",
    [
        {"/v1/kv/hoploom/mesh": (200, '{"mesh": "demo", "id": "8"}')},
        {"/v1/kv/hoploom/mesh": (200, "not ours")},
        {"/v1/kv/hoploom/": ["hoploom/campaigns/1"], "/v1/catalog/services": {}},
        {"/v1/catalog/services": {"hoploom-output": []}},
    ],
)
async def test_a_prefix_with_things_of_others_is_not_taken(
    http: HttpClient, engine: Engine, answers: Mapping[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="under 'hoploom' that this mesh did not enter"):
        await guest(http, await engine(answers)).claim("demo")


async def test_what_is_marked_as_ours_is_claimed_again(http: HttpClient, engine: Engine) -> None:
    await guest(http, await engine({"/v1/kv/hoploom/mesh": (200, '{"mesh": "demo", "id": "7"}')})).claim("demo")


@pytest.mark.parametrize("call", ["leave", "purge"])
@pytest.mark.parametrize(
    "mark", [{}, {"/v1/kv/hoploom/mesh": (200, '{"id": "8"}')}, {"/v1/kv/hoploom/mesh": (200, "x")}]
)
async def test_where_the_prefix_is_not_ours_nothing_is_taken_away(
    http: HttpClient, engine: Engine, call: str, mark: Mapping[str, Any]
) -> None:
    # Whatever else it asked for would be a 404 of this engine, and an error.
    await getattr(guest(http, await engine(mark)), call)()


@pytest.mark.parametrize("call", ["leave", "purge"])
async def test_where_the_prefix_is_ours_it_is_taken_away(http: HttpClient, engine: Engine, call: str) -> None:
    with pytest.raises(Unavailable, match="no such path"):
        await getattr(guest(http, await engine({"/v1/kv/hoploom/mesh": (200, '{"id": "7"}')})), call)()


@pytest.mark.parametrize("call", ["leave", "purge"])
async def test_what_cannot_be_read_is_not_nothing(http: HttpClient, engine: Engine, call: str) -> None:
    url = await engine({"/v1/kv/hoploom/mesh": (403, "Permission denied")})
    with pytest.raises(Unavailable, match="Permission denied"):
        await getattr(guest(http, url), call)()
