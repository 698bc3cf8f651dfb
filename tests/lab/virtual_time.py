"""An event loop whose time is a number: sleeping costs nothing, and the same seed gives the same order every time.

What a thread would do is done at once and in no time; what waits for real sockets cannot run on it.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(RuntimeError):
    """Everybody waits, and nothing will ever happen."""


class _NoSelector(selectors.SelectSelector):
    """Waits for nothing; lets the loop's time jump to the next timer instead."""

    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float | None], None] = lambda _: None

    def select(self, timeout: float | None = None) -> Any:
        self.jump(timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, from 0 seconds."""

    def __init__(self, limit_s: float) -> None:
        """Begin at 0.

        Args:
            limit_s: Virtual seconds after which the run counts as stuck.
        """
        self._selector_of_nothing = _NoSelector()
        super().__init__(self._selector_of_nothing)
        self._now_s, self._limit_s = 0.0, limit_s
        self._selector_of_nothing.jump = self._jump

    def time(self) -> float:
        """Virtual seconds since the begin."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let time pass without letting anybody run: as a process that is stopped sees it."""
        self._now_s += seconds

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":  # type: ignore[override]
        """Do a thread's work here and now, in no virtual time."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except BaseException as error:
            done.set_exception(error)
        return done

    def unlimited(self) -> None:
        """Let whoever is left end in any time."""
        self._limit_s = float("inf")

    def _jump(self, timeout: float | None) -> None:
        if timeout is None:
            raise Stuck(f"nothing is left to wait for after {self._now_s:.1f} s")
        self._now_s += max(0.0, timeout)
        if self._now_s > self._limit_s:
            raise Stuck(f"not done after {self._limit_s:.0f} virtual seconds")


def run(main: Coroutine[Any, Any, T], limit_s: float = 3600.0) -> T:
    """Run a coroutine on virtual time; raises `Stuck` when it does not end."""
    loop = VirtualLoop(limit_s)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        try:
            _cancel_all(loop)
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _cancel_all(loop: VirtualLoop) -> None:
    loop.unlimited()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

