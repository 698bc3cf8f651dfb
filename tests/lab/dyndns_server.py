"""The provider of `dyndns` behind HTTP on loopback, with the bad days of real ones: it hangs, trickles and cuts."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from aiohttp import web

from lab.dyndns import Provider

HANGS, TRICKLES, CUTS, FLOODS, REDIRECTS = "hang", "trickle", "cut", "flood", "redirect"
_TRICKLE_S = 0.05


class Server:
    """One server.

    Attributes:
        provider: Who answers.
        habit: How it misbehaves just now; empty for not at all.
        connections: Requests that have arrived, answered or not.
        url: Where it takes updates.
        address_url: A page that says who asks.
    """

    def __init__(self, provider: Provider) -> None:
        """Behave."""
        self.provider, self.habit, self.connections, self.url, self.address_url = provider, "", 0, "", ""
        self.release = asyncio.Event()

    async def update(self, request: web.Request) -> web.StreamResponse:
        """Take an update."""
        self.connections += 1
        if self.habit == HANGS:
            await self.release.wait()
        headers = request.headers
        status, body = self.provider.asked(
            request.query.get("hostname", ""), headers.get("Authorization", ""), request.remote or "",
            headers.get("User-Agent", ""), time.time(),
        )  # fmt: skip
        if self.habit == REDIRECTS:
            raise web.HTTPFound(self.url)
        if self.habit in (TRICKLES, CUTS, FLOODS):
            return await self._slowly(request, body)
        return web.Response(status=status, text=body)

    async def address(self, request: web.Request) -> web.Response:
        """Say who asks."""
        return web.Response(text=f"<body>Current IP Address: {request.remote}</body>", content_type="text/html")

    async def _slowly(self, request: web.Request, body: str) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.content_length = 10_000_000
        await answer.prepare(request)
        await answer.write(body[:2].encode())
        if self.habit == CUTS and request.transport is not None:
            request.transport.abort()
        with contextlib.suppress(ConnectionError):
            while not self.release.is_set():
                await answer.write(b"x" * (4096 if self.habit == FLOODS else 1))
                await asyncio.sleep(_TRICKLE_S)
        return answer


@contextlib.asynccontextmanager
async def served(provider: Provider) -> AsyncIterator[Server]:
    """A server on a free port of loopback."""
    server, app = Server(provider), web.Application()
    app.add_routes([web.get("/nic/update", server.update), web.get("/ip", server.address)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url, server.address_url = f"http://127.0.0.1:{port}/nic/update", f"http://127.0.0.1:{port}/ip"
    try:
        yield server
    finally:
        server.release.set()
        await runner.cleanup()
