"""A crowd of idle clients in one process: raw sockets in one epoll set, which cost next to nothing."""

import random
import select
import socket
import time
from collections.abc import Callable

from hoploom.kit.errors import Unavailable
from hoploom.wire.push import MEDIA_TYPE

HEAD_END = b"\r\n\r\n"
_AT_ONCE, _PATIENCE_S = 250, 60.0


class Crowd:
    """Clients of one port, as many as are connected."""

    def __init__(self, port: int) -> None:
        """Nobody yet."""
        self._port = port
        self._epoll = select.epoll()
        self._waiting = dict[int, socket.socket]()
        self._there = dict[int, socket.socket]()

    def __len__(self) -> int:
        """How many were answered and are there."""
        return len(self._there)

    def join(self, count: int, over_s: float = 0.0) -> float:
        """Connect so many more, at moments of their own within `over_s` seconds; seconds until all were answered."""
        began_s, wanted = time.monotonic(), len(self._there) + count
        due_s = sorted(random.uniform(0.0, over_s) for _ in range(count))
        opened = 0

        def step() -> bool:
            nonlocal opened
            # Fewer at once than a listener keeps, so that nobody waits for a lost SYN.
            while opened < count and due_s[opened] <= time.monotonic() - began_s and len(self._waiting) < _AT_ONCE:
                self._open()
                opened += 1
            return len(self._there) >= wanted

        self._until(step)
        return time.monotonic() - began_s

    def read(self, words: bytes, say: Callable[[], None], without: int = 0) -> float:
        """Have something said, and read until it has reached all but so many; seconds until the last one has it."""
        left = len(self._there) - without
        began_s = time.monotonic()
        say()

        def heard(data: bytes) -> None:
            nonlocal left
            left -= words in data

        self._until(lambda: left <= 0, heard)
        return time.monotonic() - began_s

    def until_all_ended(self) -> None:
        """Read until the server has ended every connection."""
        self._until(lambda: not self._there)

    def deafen(self) -> None:
        """One of them reads nothing any more; what comes for it fills buffers."""
        fd = next(iter(self._there))
        self._epoll.unregister(fd)

    def close(self) -> None:
        """Hang up."""
        for each in [*self._waiting.values(), *self._there.values()]:
            each.close()
        self._epoll.close()

    def _open(self) -> None:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", self._port))
        self._waiting[connection.fileno()] = connection
        self._epoll.register(connection.fileno(), select.EPOLLOUT)

    def _until(self, done: Callable[[], bool], heard: Callable[[bytes], None] = lambda _: None) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        while not done():
            if time.monotonic() > deadline_s:
                raise Unavailable(f"{len(self._there)} are there, {len(self._waiting)} were not answered in time")
            for fd, events in self._epoll.poll(0.002, 1_024):
                self._serve(fd, events, heard)

    def _serve(self, fd: int, events: int, heard: Callable[[bytes], None]) -> None:
        connection = self._waiting.get(fd) or self._there[fd]
        if fd in self._waiting and events & select.EPOLLOUT:
            head = f"GET /push?worker=worker-{fd} HTTP/1.1\r\nHost: x\r\nAccept: {MEDIA_TYPE}\r\n\r\n"
            connection.send(head.encode())
            self._epoll.modify(fd, select.EPOLLIN)
            return
        try:
            data = connection.recv(65_536)
        except OSError:
            data = b""
        if not data:
            self._end(fd)
        elif fd in self._waiting and HEAD_END in data:
            self._there[fd] = self._waiting.pop(fd)
        else:
            heard(data)

    def _end(self, fd: int) -> None:
        (self._waiting.pop(fd, None) or self._there.pop(fd)).close()
