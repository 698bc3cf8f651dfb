"""Waiting until one of a prober's sockets has something to read, for any number of waiters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hoploom.prober.port import Port


class Readiness:
    """Watches sockets only while somebody waits: an unread message would wake the event loop in every turn."""

    def __init__(self, ports: Sequence[Port]) -> None:
        """Watch nothing yet."""
        self._ports = ports
        self._waiters: set[asyncio.Future[None]] = set()

    async def wait(self, seconds: float) -> bool:
        """Wait for something to read; returns whether there is, or the time is up."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        if not self._waiters:
            for port in self._ports:
                loop.add_reader(port.fileno(), self._wake)
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)
            if not self._waiters:
                self._unwatch()
        return True

    def _wake(self) -> None:
        self._unwatch()
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _unwatch(self) -> None:
        loop = asyncio.get_running_loop()
        for port in self._ports:
            loop.remove_reader(port.fileno())
