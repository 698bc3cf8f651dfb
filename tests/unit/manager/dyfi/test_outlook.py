"""Looks outside, of which none leaves this machine: a failed look says nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.manager.dyfi import outlook
from hoploom.manager.dyfi.outlook import named, own_address


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


async def asked(http: HttpClient, status: int, body: str) -> str:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server:
        return await own_address(http, server.make_url("/"))


@pytest.mark.parametrize(
    ("body", "address"),
    [
        ("192.0.2.7\n", "192.0.2.7"),
        ("<html><body>Current IP Address: 192.0.2.7</body></html>", "192.0.2.7"),
        ('{"ip": "2001:db8::7"}', "2001:db8::7"),
        ("version 1.2.3, at 12:30 you are 192.0.2.7", "192.0.2.7"),
    ],
)
async def test_the_first_address_of_a_page_is_the_own_one(http: HttpClient, body: str, address: str) -> None:
    assert await asked(http, 200, body) == address


@pytest.mark.parametrize(("status", "body"), [(200, ""), (200, "please log in"), (404, "192.0.2.7"), (302, "")])
async def test_a_page_without_an_address_says_nothing(http: HttpClient, status: int, body: str) -> None:
    with pytest.raises(Unavailable):
        await asked(http, status, body)


async def test_a_page_that_is_not_there_says_nothing(http: HttpClient) -> None:
    with pytest.raises(Unavailable):
        await own_address(http, URL("http://127.0.0.1:1/"))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(0, 0, 0, "", ("192.0.2.7", 0)), (0, 0, 0, "", ("192.0.2.8", 0))], {"a.dy.fi": {"192.0.2.7", "192.0.2.8"}}),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), {"a.dy.fi": set()}),
        (socket.gaierror(socket.EAI_AGAIN, "no server answers"), {}),
        (TimeoutError(), {}),
    ],
    ids=["addresses", "no such name", "nobody answers", "too slow"],
)
async def test_a_name_has_addresses_or_none_or_is_not_known(
    monkeypatch: pytest.MonkeyPatch, told: Any, expected: dict[str, set[str]]
) -> None:
    asked: list[str] = []

    async def getaddrinfo(name: str, *_: object, **__: object) -> Any:
        asked.append(name)
        if isinstance(told, Exception):
            raise told
        return told

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    assert await named(["a.dy.fi"]) == {name: frozenset(found) for name, found in expected.items()}
    assert asked == ["a.dy.fi."] and outlook.LOOK_S <= 5
