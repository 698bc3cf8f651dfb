"""Runs a test's coroutine in a network namespace of its own, so that nothing it sets or sends reaches the machine's.

A namespace belongs to a thread: the coroutine runs in a fresh one with its own event loop, every socket and child
process that it opens is inside, and the namespace ends with the thread.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

_CLONE_NEWNET = 0x40000000
T = TypeVar("T")

# Benches run in namespaces too, and where they run there need be no pytest.
with suppress(ModuleNotFoundError):
    import pytest

    needs_root = pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None,
        reason="a network namespace needs Linux, root and iproute2",
    )


def in_namespace(body: Callable[[], Awaitable[T]], *commands: str) -> T:
    """Run a coroutine in a new namespace where the loopback interface is up.

    Args:
        body: The coroutine function.
        commands: Shell commands to run there first.

    Returns:
        What the coroutine returned; what it raised is raised here.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def thread() -> None:
        try:
            enter()
            for command in ("ip link set lo up", *commands):
                subprocess.run(command, shell=True, check=True, capture_output=True)
            results.append(asyncio.run(_awaited(body)))
        except BaseException as error:  # carried over to the test's own thread
            errors.append(error)

    runner = threading.Thread(target=thread)
    runner.start()
    runner.join()
    if errors:
        raise errors[0]
    return results[0]


async def _awaited(body: Callable[[], Awaitable[T]]) -> T:
    return await body()


def enter() -> None:
    """Put the calling thread into a new network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def new_namespace() -> int:
    """A descriptor that keeps a new, empty namespace; `nsenter --net=/proc/PID/fd/N` runs a command there."""
    opened: list[int] = []

    def thread() -> None:
        enter()
        opened.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY))

    maker = threading.Thread(target=thread)
    maker.start()
    maker.join()
    return opened[0]
