"""Waiting for something to become true: the one place in the tests with a sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(what: str, true: Callable[[], T], within_s: float, every_s: float = 0.1) -> T:
    """The first truthy answer; fails the test when there was none in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = true()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} was not seen within {within_s:g} s")
        time.sleep(every_s)
