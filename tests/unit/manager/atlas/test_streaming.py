"""Results on their way: one list however many pages, and no end of a list that is not whole."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom.kit.errors import Unavailable
from hoploom.manager.atlas import streaming

Pages = list[list[dict[str, Any]] | None]


async def asked(pages: Pages, form: str = "json") -> bytes:
    """What a client gets of these pages; None is where an output goes away."""

    async def told() -> AsyncIterator[list[dict[str, Any]]]:
        for each in pages:
            if each is None:
                raise Unavailable("it is gone")
            yield each

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await streaming.send(request, told(), form, {})
        except Unavailable:
            return web.Response(status=503)

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestClient(TestServer(app)) as client, client.get("/") as found:
        return b"503" if found.status == 503 else await found.read()


@pytest.mark.parametrize(
    "pages",
    [[], [[]], [[{"a": 1}]], [[{"a": 1}], [{"a": 2}, {"a": 3}]], [[], [{"a": 1}]], [[{"a": 1}], [], [{"a": 2}], []],
     [[], [], [{"a": 1}], [{"a": 2}]]],
)  # fmt: skip
async def test_pages_become_one_list_or_lines(pages: Pages) -> None:
    whole = [each for page in pages for each in page or []]
    assert json.loads(await asked(pages)) == whole
    assert [json.loads(line) for line in (await asked(pages, "txt")).splitlines()] == whole


async def test_what_fails_at_once_has_a_status() -> None:
    assert await asked([None]) == b"503"


async def test_what_fails_later_is_broken_off() -> None:
    with pytest.raises(aiohttp.ClientError):
        await asked([[{"a": 1}], None])
