"""Sends made batches to an output from a thread of the harness, as fast as it takes them, and keeps the ledgers."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import Counter
from types import TracebackType
from typing import Self

import aiohttp

from hoploom.wire.batch_codec import pack
from lab.made_batches import made
from lab.output_process import HEADERS

AT_A_TIME = 4
_AGAIN_S = 0.01
_GOOD = 200
_SOON_FULL = (503, 507)


class Posting:
    """The senders, while this is entered as a context; what is not acknowledged is sent again.

    Attributes:
        made: Ids of all batches that were sent, in their order.
        acked: Ids of those that were acknowledged, in their order.
        answers: How often there was each status; 0 is no answer at all.
        impolite: Refusals for want of space or time that did not say when to come back.
    """

    def __init__(self, url: str) -> None:
        """Send nothing yet."""
        self._url = url
        self.made: list[str] = []
        self.acked: list[str] = []
        self.answers: Counter[int] = Counter()
        self.impolite = 0
        self._waiting: list[str] = []
        self._fresh, self._ends = True, False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send_all()))

    @property
    def drained(self) -> bool:
        """Whether all that was made is acknowledged."""
        return len(self.acked) == len(self.made)

    def drain(self) -> None:
        """Make nothing new from now on."""
        self._fresh = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends = True
        self._thread.join()

    async def _send_all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
            for _ in range(AT_A_TIME):
                group.create_task(self._send(session))

    async def _send(self, session: aiohttp.ClientSession) -> None:
        while not self._ends:
            batch = self._next()
            status = await self._sent(session, batch) if batch else 0
            if status != _GOOD:
                if batch:
                    self._waiting.append(batch)
                await asyncio.sleep(_AGAIN_S)

    def _next(self) -> str:
        if self._waiting:
            return self._waiting.pop(0)
        if self._fresh:
            self.made.append(str(uuid.uuid4()))
            return self.made[-1]
        return ""

    async def _sent(self, session: aiohttp.ClientSession, batch: str) -> int:
        status = 0
        try:
            async with session.post(f"{self._url}/results", data=pack(made(batch)), headers=HEADERS) as answer:
                status = answer.status
                await answer.read()
                self.impolite += status in _SOON_FULL and "Retry-After" not in answer.headers
        except (aiohttp.ClientError, TimeoutError):
            # Whoever was killed in the middle of an answer has answered nothing.
            status = 0
        if status == _GOOD:
            self.acked.append(batch)
        self.answers[status] += 1
        return status
