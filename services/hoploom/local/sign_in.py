"""A door to the Consul UI that signs its owner in: Consul has no one-time tokens of its own.

A small server on loopback passes everything on to Consul with the management token. It lets in one browser: the one
that comes first with the one-time key in the address, which then gets a cookie.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable

import aiohttp
from aiohttp import web
from yarl import URL

from hoploom.local import tokens
from hoploom.local.mesh import LocalMesh

_COOKIE = "hoploom_door"
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-encoding", "content-length", "host"})
_TIMEOUT_S = 600.0


class Door:
    """One door: its key works once, its cookie for as long as the door is open."""

    def __init__(self, consul_url: str, token: str, session: aiohttp.ClientSession) -> None:
        """Know what is behind the door."""
        self._consul, self._token, self._session = URL(consul_url), token, session
        self.key = secrets.token_urlsafe(24)
        self._cookie = secrets.token_urlsafe(24)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Let the owner in by the key, pass on what carries the cookie, refuse the rest."""
        given = request.query.get("key", "")
        if self.key and given and hmac.compare_digest(given.encode(), self.key.encode()):
            self.key = ""
            welcome = web.HTTPFound("/ui/")
            welcome.set_cookie(_COOKIE, self._cookie, httponly=True, samesite="Strict")
            raise welcome
        if not hmac.compare_digest(request.cookies.get(_COOKIE, "").encode(), self._cookie.encode()):
            raise web.HTTPForbidden(text="This door has been used: ask `hoploom ui consul` for another.\n")
        return await self._pass_on(request)

    async def _pass_on(self, request: web.Request) -> web.Response:
        url = self._consul.join(request.rel_url)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        headers |= {"X-Consul-Token": self._token, "Accept-Encoding": "identity"}
        headers.pop("Cookie", None)
        async with self._session.request(
            request.method, url, headers=headers, data=await request.read(), allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S),
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)


async def consul_door(mesh: LocalMesh, show: Callable[[str], None]) -> None:
    """Open a door, show its address, and keep it open until cancelled."""
    door = Door(mesh.consul().url, tokens.read(mesh.places)["management"], mesh.http.session)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", door.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        show(f"http://127.0.0.1:{port}/ui/?key={door.key}")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
