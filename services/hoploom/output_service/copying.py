"""Threads for long copies, which let whoever stores batches go first."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_NICE = 15
"""A thirtieth of a processor that somebody else wants whole; with a tenth, ingest kept 0.78 of its rate."""

_AT_A_TIME = 3
"""Two dumps, and a file that is closed."""


class Copying:
    """The threads of one store."""

    def __init__(self) -> None:
        """Start none yet."""
        self.has_ended = False
        self._executor = ThreadPoolExecutor(_AT_A_TIME, "store-copies", stand_back)

    async def run(self, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """What a function comes to that blocks for long."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: work(*args, **options))

    def close(self) -> None:
        """Begin nothing more, have what is under way give up, and wait for it."""
        self.has_ended = True
        self._executor.shutdown(cancel_futures=True)


def stand_back() -> None:
    """Give this thread a low priority."""
    # Only Linux counts niceness by thread; elsewhere there is no process of that number, or copies go at full speed.
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
