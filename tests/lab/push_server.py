"""A server with idle connections, as one process: `python -m lab.push_server hub|sse|protocol PORT`.

Three ways to keep them: the manager's hub, aiohttp's own streamed answers, and nothing but asyncio's protocols. The hub
is told by HTTP what to do: `POST /say` sends a message to all, `/say?much` a long one, `/drain` sends everybody away.
"""

import asyncio
import sys
import time

from aiohttp import web

from hoploom import kit
from hoploom.manager.push import opening
from hoploom.manager.push.handing import hand_over
from hoploom.manager.push.hub import Hub
from hoploom.wire.push import BYE, MEDIA_TYPE, encoded

HOST = "127.0.0.1"
SAID, MUCH = encoded("said", text="x" * 20), encoded("much", text="x" * 4_000)


def hub_app() -> web.Application:
    """The manager's hub behind the kit's middleware."""
    app, hub = web.Application(), Hub(opening.most_connections())

    async def push(request: web.Request) -> web.Response:
        return hand_over(request, hub, request.query["worker"], SAID)

    async def say(request: web.Request) -> web.Response:
        message = MUCH if "much" in request.query else SAID
        began_s, cpu_s = time.perf_counter(), time.process_time()
        await hub.tell(message)
        took = {"took_s": time.perf_counter() - began_s, "cpu_s": time.process_time() - cpu_s}
        return web.json_response({**took, "count": hub.count})

    async def drain(_: web.Request) -> web.Response:
        await hub.drain(encoded(BYE, retry_s=opening.retry_s(hub.count)))
        return web.Response()

    async def on_start(_: web.Application) -> None:
        hub.open()

    app.add_routes([web.get("/push", push), web.post("/say", say), web.post("/drain", drain)])
    app.on_startup.append(on_start)
    kit.setup(app, name="manager")
    return app


def sse_app() -> web.Application:
    """Answers that aiohttp streams, each with a task that waits."""
    app = web.Application()

    async def push(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": MEDIA_TYPE})
        await answer.prepare(request)
        await answer.write(SAID)
        await asyncio.Event().wait()
        return answer

    app.router.add_get("/push", push)
    return app


class Bare(asyncio.Protocol):
    """One connection that is answered and then rests."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.transport = transport

    def data_received(self, _: bytes) -> None:
        """Answer."""
        assert isinstance(self.transport, asyncio.Transport)
        self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n" + SAID)


async def _serve(kind: str, port: int) -> None:
    if kind == "protocol":
        await asyncio.get_running_loop().create_server(Bare, HOST, port, backlog=1024)
    else:
        runner = web.AppRunner(hub_app() if kind == "hub" else sse_app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    opening.raise_limit()
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
