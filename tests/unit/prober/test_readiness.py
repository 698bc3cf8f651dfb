"""Whoever waits for sockets is woken by any of them, and nobody watches when nobody waits."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from hoploom.prober.readiness import Readiness


class Pipe:
    """Stands for a port: something is to be read once `tell` was called."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()

    def fileno(self) -> int:
        return self._here.fileno()

    def tell(self) -> None:
        self._there.send(b"x")

    def close(self) -> None:
        self._here.close()
        self._there.close()


@pytest.fixture
def pipes() -> Iterator[list[Pipe]]:
    found = [Pipe(), Pipe()]
    yield found
    for each in found:
        each.close()


async def test_the_time_is_up_where_nothing_comes(pipes: list[Pipe]) -> None:
    assert not await Readiness(pipes).wait(0.01)  # type: ignore[arg-type]


@pytest.mark.parametrize("which", [0, 1])
async def test_all_who_wait_are_woken_by_any_socket(pipes: list[Pipe], which: int) -> None:
    readiness = Readiness(pipes)  # type: ignore[arg-type]
    waiters = [asyncio.ensure_future(readiness.wait(20)) for _ in range(3)]
    asyncio.get_running_loop().call_soon(pipes[which].tell)
    assert await asyncio.gather(*waiters) == [True] * 3


async def test_an_unread_message_wakes_nobody_who_does_not_wait(pipes: list[Pipe]) -> None:
    readiness, loop = Readiness(pipes), asyncio.get_running_loop()  # type: ignore[arg-type]
    pipes[0].tell()
    assert await readiness.wait(20)
    assert not any(loop.remove_reader(pipe.fileno()) for pipe in pipes), "it is still watched"
    assert await readiness.wait(20), "what is unread wakes the next one who waits"


async def test_one_who_gives_up_takes_nothing_from_the_others(pipes: list[Pipe]) -> None:
    readiness = Readiness(pipes)  # type: ignore[arg-type]
    stays, leaves = (asyncio.ensure_future(readiness.wait(20)) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    pipes[1].tell()
    assert await stays
