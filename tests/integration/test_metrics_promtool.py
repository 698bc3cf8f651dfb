"""The metrics page of a real application, read by Prometheus's own linter."""

import asyncio
import shutil
from collections.abc import Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit

PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="needs promtool (Debian package prometheus)")
async def test_promtool_is_content_with_every_metric(on_mesh: Callable[[web.Application], web.Application]) -> None:
    assert PROMTOOL
    app = web.Application()
    kit.setup(app, name="orders", routes=["/orders"])
    async with TestClient(TestServer(on_mesh(app))) as client:
        for path in ("/health", "/ready", "/nowhere"):
            await client.get(path)
        answer = await client.get("/metrics")
        page = await answer.read()
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    pipe = asyncio.subprocess.PIPE
    linter = await asyncio.create_subprocess_exec(PROMTOOL, "check", "metrics", stdin=pipe, stdout=pipe, stderr=pipe)
    said, wrong = await asyncio.wait_for(linter.communicate(page), 30)
    assert (linter.returncode, said + wrong) == (0, b"")
