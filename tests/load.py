"""A bounded, open-loop load of HTTP requests against one address on loopback, with every failure kept."""

import asyncio
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass
class Result:
    """What came of a load."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    longest_s: float = 0.0
    outcomes: list[tuple[float, bool]] = field(default_factory=list)
    """(seconds of the monotonic clock when it was sent, whether it was answered well) of each."""


class Load:
    """Requests at a steady rate, half of them POST, a third on new connections; a context manager."""

    def __init__(self, requests: list[tuple[str, str, dict[str, Any]]], per_s: float, at_most_s: float = 180.0) -> None:
        """Take (method, URL, aiohttp options) in turn, at a rate, for a bounded time."""
        self._requests, self._pause_s, self._at_most_s = requests, 1 / per_s, at_most_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.result = Result()

    def __enter__(self) -> "Load":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait for the last answers."""
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        began, number, pending = time.monotonic(), 0, set()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
            while not self._stop.is_set() and time.monotonic() - began < self._at_most_s:
                task = asyncio.create_task(self._one(session, number))
                pending.add(task)
                task.add_done_callback(pending.discard)
                number += 1
                await asyncio.sleep(max(0.0, began + number * self._pause_s - time.monotonic()))
            await asyncio.gather(*pending)

    async def _one(self, session: aiohttp.ClientSession, number: int) -> None:
        method, url, options = self._requests[number % len(self._requests)]
        headers = {**options.get("headers", {}), **({"Connection": "close"} if number % 3 == 0 else {})}
        began = time.monotonic()
        try:
            async with session.request(method, url, **{**options, "headers": headers}) as answer:
                body = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.result.failures.append(f"{time.strftime('%H:%M:%S')} {method} {url}: {error!r}")
            self.result.outcomes.append((began, False))
            return
        self.result.longest_s = max(self.result.longest_s, time.monotonic() - began)
        self.result.statuses[answer.status] += 1
        self.result.outcomes.append((began, answer.status < 400))
        if answer.status >= 400:
            self.result.failures.append(f"{time.strftime('%H:%M:%S')} {method} {url}: {answer.status} {body[:120]}")
        else:
            self.result.answered += 1
