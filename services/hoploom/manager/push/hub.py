"""Keeps very many idle connections cheaply: their sockets alone, without aiohttp's objects, in one epoll set.

aiohttp makes the handshake; then the socket is handed over here and its transport is dropped, so a connection is a
number and a name (`hoploom bench push`: some 600 bytes instead of 11,000). The set is itself watched by the event loop,
which so learns of those that hang up. All that is sent goes out in slices, between which the loop serves others.

Nothing waits for anybody: whose buffer is full is dropped and counted, and connects again when it can.
"""

import asyncio
import logging
import os
import select
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable

from hoploom.kit import metrics
from hoploom.kit.errors import Unavailable
from hoploom.wire.push import KEEP_ALIVE, KEEP_ALIVE_S

log = logging.getLogger(__name__)
SLICES = 60
"""Connections are served in so many slices, one after another: each gets its keep-alive in another quarter of a second,
and 20,000 of them hold the loop for 2 ms at a time when all are told something."""

SEND_BUFFER_BYTES = 8_192
"""The kernel doubles it, and would grow it to megabytes for a client that reads nothing."""

SILENT_MS = 60_000
"""What nobody has acknowledged for so long was sent to somebody who is gone."""

MAX_SAME_NAME = 4
"""Of one worker: the one that it uses, and others that it has lost without the router on the way telling us."""

_ENDS_AT_ONCE = 64
_CONNECTIONS = metrics.gauge("hoploom_manager_push_connections", "Connections on which is pushed.")
_ENDS = metrics.counter("hoploom_manager_push_ended_total", "Connections that ended, by the reason.", ("why",))
_SENT = metrics.counter("hoploom_manager_push_messages_total", "Messages pushed, keep-alives among them.")


class Hub:
    """The connections of this process."""

    def __init__(self, most: int) -> None:
        """Keep at most so many."""
        self._most = most
        self._slices: list[dict[int, str]] = [{} for _ in range(SLICES)]
        self._of = Counter[str]()
        self._count = 0
        self._said = deque[tuple[bytes, str | None]]()
        self._news = asyncio.Event()
        self._closed = False
        self._epoll = select.epoll()
        self.keep_alive: Callable[[], bytes] = lambda: KEEP_ALIVE

    @property
    def count(self) -> int:
        """How many connections there are."""
        return self._count

    @property
    def unnamed(self) -> int:
        """How many have no name."""
        return self._of[""]

    def take(self, connection: socket.socket, name: str, first: bytes) -> None:
        """Keep a connection from now on.

        Args:
            connection: Its socket; a duplicate is kept, so the caller closes its own.
            name: Who is at its other end; empty for somebody without a name.
            first: What to send at once: the head of the answer, and what holds now.

        Raises:
            Unavailable: This instance stops, has too many, or too many of this name; the connection is gone already, or
                no file is left.
        """
        self._refuse(name)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_MS)
            fd = os.dup(connection.fileno())
        except OSError as error:
            raise Unavailable(f"this connection cannot be kept ({error.strerror}): connect again") from error
        # What a client sends here is never read, so only its end is waited for.
        self._epoll.register(fd, select.EPOLLRDHUP)
        self._slices[fd % SLICES][fd] = name
        self._count += 1
        self._of[name] += 1
        _CONNECTIONS.set(self._count)
        self._send(fd, first)

    def say(self, message: bytes, to: str | None = None) -> None:
        """Send a message to all, or to who has that name (empty: none); it goes out after all that was said before."""
        self._said.append((message, to))
        self._news.set()

    async def tell(self, message: bytes, to: str | None = None) -> None:
        """Send a message as `say` does; returns when it has gone out."""
        if to is not None and to not in self._of:
            return
        for at in range(SLICES):
            self._send_all(at, message, to)
            await asyncio.sleep(0)

    def drop(self, names: Iterable[str], why: str) -> None:
        """End the connections of some names, after all that was sent to them."""
        wanted = set(names)
        if wanted & self._of.keys():
            for each in self._slices:
                for fd in [fd for fd, name in each.items() if name in wanted]:
                    self._end(fd, why)

    async def run(self) -> None:
        """Send what is said, and keep-alives in between, for ever."""
        clock = asyncio.get_running_loop().time
        turn, due_s = 0, clock()
        while True:
            while self._said:
                await self.tell(*self._said.popleft())
            if clock() >= due_s:
                self._send_all(turn, self.keep_alive(), None)
                turn, due_s = (turn + 1) % SLICES, max(due_s + KEEP_ALIVE_S / SLICES, clock())
            await self._wait(due_s - clock())

    def open(self) -> None:
        """Learn of those that hang up, in the running event loop."""
        asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._hung_up)

    async def drain(self, farewell: bytes) -> None:
        """Take nobody any more, say farewell to everybody, and let them go."""
        self._closed = True
        await self.tell(farewell, None)
        for each in self._slices:
            for fd in list(each):
                self._end(fd, "drained")
            await asyncio.sleep(0)

    def close(self) -> None:
        """End what is left."""
        self._closed = True
        for each in self._slices:
            for fd in list(each):
                self._end(fd, "closed")
        asyncio.get_running_loop().remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _refuse(self, name: str) -> None:
        if self._closed:
            raise Unavailable("this manager is about to stop: connect to another one")
        if self._count >= self._most:
            raise Unavailable(f"this manager keeps {self._most} connections already: connect to another one")
        if not name and self.unnamed >= self._most // 2:
            raise Unavailable("so many without a name listen already that the rest is kept for workers")
        if name and self._of[name] >= MAX_SAME_NAME:
            raise Unavailable(f"{name} has {MAX_SAME_NAME} connections here already", retry_after_s=SILENT_MS / 1000)

    async def _wait(self, seconds: float) -> None:
        self._news.clear()
        if self._said:
            return
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._news.wait()
        except TimeoutError:
            pass

    def _send_all(self, at: int, message: bytes, to: str | None) -> None:
        wanted = [fd for fd, name in self._slices[at].items() if to is None or name == to]
        _SENT.inc(sum(self._send(fd, message) for fd in wanted))

    def _send(self, fd: int, message: bytes) -> bool:
        try:
            # Half a message would spoil all that follow.
            why = "" if os.write(fd, message) == len(message) else "slow"
        except BlockingIOError:
            why = "slow"
        except OSError:
            why = "broken"
        if why:
            self._end(fd, why)
        return not why

    def _hung_up(self) -> None:
        for fd, _ in self._epoll.poll(0, _ENDS_AT_ONCE):
            self._end(fd, "hung up")

    def _end(self, fd: int, why: str) -> None:
        name = self._slices[fd % SLICES].pop(fd, None)
        if name is None:
            return
        self._count -= 1
        self._of[name] -= 1
        if not self._of[name]:
            del self._of[name]
        _ENDS.labels(why).inc()
        _CONNECTIONS.set(self._count)
        self._epoll.unregister(fd)
        os.close(fd)
