"""The hub: connections that aiohttp has answered go on without it, and nobody waits for anybody."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom import kit
from hoploom.kit.errors import Unavailable
from hoploom.kit.membership import MESH
from hoploom.kit.testing import OnMesh
from hoploom.manager.push import hub as hubs
from hoploom.manager.push.handing import hand_over
from hoploom.manager.push.hub import Hub
from hoploom.wire.push import KEEP_ALIVE, encoded
from waiting import eventually

HELLO, NEWS, LARGE = encoded("hello"), encoded("news"), encoded("large", text="x" * 4000)


@dataclass
class Client:
    """Somebody who listens."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reads(self, words: bytes) -> None:
        """Read until these words were sent."""
        async with asyncio.timeout(30):
            assert (await self.reader.readuntil(words)).endswith(words)

    async def reads_the_end(self) -> bytes:
        """What is left until the connection ends."""
        async with asyncio.timeout(30):
            return await self.reader.read()


@dataclass
class Served:
    """A server whose connections go to a hub."""

    hub: Hub
    app: web.Application
    port: int

    @asynccontextmanager
    async def client(self, name: str = "w", receive_bytes: int = 0) -> AsyncIterator[Client]:
        """Somebody who has asked and was not answered yet."""
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=connection)
        writer.write(f"GET /push?worker={name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        yield Client(reader, writer)
        writer.close()


@asynccontextmanager
async def served(on_mesh: OnMesh, most: int = 100) -> AsyncIterator[Served]:
    hub = Hub(most)

    async def push(request: web.Request) -> web.Response:
        return hand_over(request, hub, request.query["worker"], HELLO)

    app = web.Application()
    app.router.add_get("/push", push)
    kit.setup(app, name="manager")
    async with TestServer(on_mesh(app)) as server, asyncio.TaskGroup() as group:
        hub.open()
        running = group.create_task(hub.run())
        yield Served(hub, app, server.port or 0)
        running.cancel()
        hub.close()


async def test_a_connection_is_answered_and_told_what_is_said(on_mesh: OnMesh) -> None:
    async with served(on_mesh) as found, found.client() as client:
        await client.reads(b"HTTP/1.1 200 OK\r\n")
        await client.reads(b"Content-Type: text/event-stream\r\n")
        await client.reads(b"\r\n\r\n" + HELLO)
        found.hub.say(NEWS)
        await client.reads(NEWS)


async def test_connections_that_rest_are_not_in_flight(on_mesh: OnMesh) -> None:
    async with served(on_mesh) as found, found.client() as client:
        await client.reads(HELLO)
        await eventually("the request is over", lambda: not found.app[MESH].in_flight.count)
        assert found.hub.count == 1


async def test_only_who_is_meant_is_told(on_mesh: OnMesh) -> None:
    async with served(on_mesh) as found, found.client("one") as one, found.client("other") as other:
        await one.reads(HELLO)
        await other.reads(HELLO)
        found.hub.say(NEWS, to="other")
        found.hub.say(NEWS, to="nobody")
        found.hub.say(LARGE)
        await other.reads(NEWS)
        await one.reads(LARGE)
        await found.hub.drain(b"")
        assert NEWS not in await one.reads_the_end()


async def test_those_without_a_name_are_told_what_is_for_them_and_for_all(on_mesh: OnMesh) -> None:
    async with served(on_mesh) as found, found.client("") as page, found.client("one") as one:
        await page.reads(HELLO)
        await one.reads(HELLO)
        assert found.hub.unnamed == 1
        found.hub.say(NEWS, to="")
        found.hub.say(LARGE)
        await page.reads(NEWS + LARGE)
        await found.hub.drain(b"")
        assert NEWS not in await one.reads_the_end()


async def test_each_gets_keep_alives(on_mesh: OnMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "KEEP_ALIVE_S", 0.01)
    async with served(on_mesh) as found, found.client("one") as one, found.client("other") as other:
        for client in (one, other):
            await client.reads(HELLO)
            await client.reads(KEEP_ALIVE)
            await client.reads(KEEP_ALIVE)


async def test_who_hangs_up_is_forgotten(on_mesh: OnMesh) -> None:
    async with served(on_mesh) as found:
        async with found.client() as client:
            await client.reads(HELLO)
        await eventually("it is forgotten", lambda: not found.hub.count)


async def test_who_reads_nothing_is_dropped_and_the_others_are_told_meanwhile(on_mesh: OnMesh) -> None:
    async with served(on_mesh) as found, found.client("slow", 2_048), found.client("quick") as quick:
        await quick.reads(HELLO)
        await eventually("both are there", lambda: found.hub.count == 2)

        async def is_dropped() -> bool:
            found.hub.say(LARGE)
            await quick.reads(LARGE)
            return found.hub.count == 1

        await eventually("the slow one is dropped", is_dropped)
        found.hub.say(NEWS)
        await quick.reads(NEWS)


@pytest.mark.parametrize("trouble", [BlockingIOError(), BrokenPipeError(), 3], ids=["full", "broken", "half a message"])
async def test_who_cannot_be_told_all_of_it_is_dropped_at_once(
    on_mesh: OnMesh, monkeypatch: pytest.MonkeyPatch, trouble: OSError | int
) -> None:
    async with served(on_mesh) as found, found.client() as client:
        await client.reads(HELLO)

        def write(_: int, __: bytes) -> int:
            if isinstance(trouble, OSError):
                raise trouble
            return trouble

        monkeypatch.setattr(hubs, "os", SimpleNamespace(write=write, close=os.close, dup=os.dup))
        await found.hub.tell(NEWS)
        assert not found.hub.count
        assert await client.reads_the_end() == b""


async def test_at_the_end_everybody_is_told_and_nobody_taken(on_mesh: OnMesh) -> None:
    async with served(on_mesh) as found, found.client("one") as one, found.client("other") as other:
        for client in (one, other):
            await client.reads(HELLO)
        await found.hub.drain(NEWS)
        assert await one.reads_the_end() == await other.reads_the_end() == NEWS
        async with found.client("late") as late:
            await late.reads(b"HTTP/1.1 503")
        assert not found.hub.count


async def test_those_of_a_name_are_let_go(on_mesh: OnMesh) -> None:
    async with served(on_mesh) as found, found.client("one") as one, found.client("other") as other:
        for client in (one, other):
            await client.reads(HELLO)
        found.hub.drop(["one", "unknown"], "revoked")
        assert await one.reads_the_end() == b""
        found.hub.say(NEWS)
        await other.reads(NEWS)


@pytest.mark.parametrize(
    ("most", "names"), [(2, ["a", "b", "c"]), (100, ["a"] * (hubs.MAX_SAME_NAME + 1)), (4, ["", "", ""])]
)
async def test_it_takes_no_more_than_it_may(on_mesh: OnMesh, most: int, names: list[str]) -> None:
    async with served(on_mesh, most) as found:
        *kept, refused = names
        clients = [found.client(each) for each in kept]
        for each in clients:
            await (await each.__aenter__()).reads(HELLO)
        async with found.client(refused) as client:
            await client.reads(b"HTTP/1.1 503")
        for each in clients:
            await each.__aexit__(None, None, None)


async def test_a_connection_is_refused_before_anything_is_kept() -> None:
    hub = Hub(0)
    hub.open()
    with socket.socket() as connection, pytest.raises(Unavailable):
        hub.take(connection, "", b"")
    hub.close()
    assert not hub.count


async def test_a_connection_that_is_gone_already_is_not_kept() -> None:
    hub, gone = Hub(10), socket.socket()
    gone.close()
    with pytest.raises(Unavailable, match="connect again"):
        hub.take(gone, "w", HELLO)
    assert hub.count == 0
    hub.open()
    hub.close()
