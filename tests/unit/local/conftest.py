"""Engines of strangers that answer what a test tells them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit.http_client import HttpClient

Answers = Mapping[str, Any]
Engine = Callable[[Answers], Awaitable[str]]


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """Starts a server that answers by path: a (status, text) pair as it is, anything else as JSON; else 404."""
    servers = []

    async def start(answers: Answers) -> str:
        async def handle(request: web.Request) -> web.Response:
            answer = answers.get(request.path, (404, "no such path"))
            if isinstance(answer, tuple):
                return web.Response(status=answer[0], text=answer[1])
            return web.Response(text=json.dumps(answer), content_type="application/json")

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("")).rstrip("/")

    yield start
    for server in servers:
        await server.close()
