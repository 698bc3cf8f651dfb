"""Waiting for something to become true, or while a fault lasts: the one place in the tests with a sleep."""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")
_EVERY_S = 0.01
_PATIENCE, _MOST_S = 5, 120.0
"""How much longer than on a machine that does nothing else a wait may take: where all is well it costs nothing."""


def _patient_s(within_s: float) -> float:
    return within_s + min(_PATIENCE * within_s, _MOST_S)


def until(what: str, true: Callable[[], T], within_s: float, every_s: float = 0.1) -> T:
    """The first truthy answer; fails the test when there was none in several times the time that it should take."""
    deadline = time.monotonic() + _patient_s(within_s)
    while True:
        found = true()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} was not seen within {_patient_s(within_s):g} s")
        time.sleep(every_s)


@overload
async def eventually(what: str, true: Callable[[], Coroutine[Any, Any, T | None]], within_s: float = ...) -> T: ...
@overload
async def eventually(what: str, true: Callable[[], T | None], within_s: float = ...) -> T: ...
async def eventually(what: str, true: Callable[[], Any], within_s: float = 10.0) -> Any:
    """As `until`, for tests inside an event loop; `true` may be a coroutine function."""
    deadline = time.monotonic() + _patient_s(within_s)
    while True:
        answer = true()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} was not seen within {_patient_s(within_s):g} s")
        await asyncio.sleep(_EVERY_S)


def pause(seconds: float) -> None:
    """Let a fault last, or a run go on; never a way to wait for something to become true."""
    time.sleep(max(0.0, seconds))
