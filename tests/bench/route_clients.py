"""What choosing an instance costs: the kit's client over three instances, beside aiohttp's own client on one address.

The one address is asked as somebody careful does: one session for all, a time-out for the whole, a bad status refused,
the body read. Its session is set as the kit's is, so that nothing differs but what the kit does.

It is the client that is measured: one process answers at all three addresses, faster than the client asks, so that the
world is the same both ways. They take turns of a tenth of a second, first the one and then the other, so that whatever
else the machine does hits both; a figure is the median of the pairs' ratios, times the median of the one address.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp

from engine_processes import LOOPBACK
from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.kit.balance import Directory
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import CONNECT_TIMEOUT_S, TIMEOUT_S, HttpClient

INSTANCES, OPEN, ROUNDS, REQUESTS = 3, 32, 80, 320
PATH = "/items/7"
TOKEN = "a-token-of-some-length-as-a-mesh-has-it"
_PART = 0.1
"""How much less may be answered, and how much more processor time a request may take."""

_INSTANCE = """
import asyncio
ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: 10\\r\\n\\r\\n{\\"item\\":7}"
class Instance(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""
    def data_received(self, data):
        *asked, self.rest = (self.rest + data).split(b"\\r\\n\\r\\n")
        self.transport.write(ANSWER * len(asked))
async def main():
    serve = asyncio.get_running_loop().create_server
    made = [await serve(Instance, "127.0.0.1", 0) for _ in range(COUNT)]
    print(*(each.sockets[0].getsockname()[1] for each in made), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
Ask = Callable[[], Awaitable[Any]]
Round = tuple[float, float]
"""Requests a second, and microseconds of this process for each."""


def measure(scale: float = 1.0) -> list[Figure]:
    """Eighty pairs of 320 requests each way, 32 open at a time."""
    return asyncio.run(_measured(max(8, round(ROUNDS * scale))))


async def _measured(rounds: int) -> list[Figure]:
    async with _instances() as ports, _client(ports) as (direct, balanced):
        for each in (direct, balanced, direct, balanced):
            await _round(each)
        pairs = [await _pair(direct, balanced, turned=bool(number % 2)) for number in range(rounds)]
    (direct_per_s, per_s, parts), (direct_us, us, times) = _compared(pairs, 0), _compared(pairs, 1)
    name = f"the kit's client over {INSTANCES} instances"
    alone_per_s, alone_us = ("aiohttp on one address", direct_per_s), ("aiohttp on one address", direct_us)
    answered = at_least(f"answered by {name}", per_s, "requests/s", (1 - _PART) * direct_per_s, alone_per_s)
    used = at_most(f"processor time of {name}", us, "us/request", (1 + _PART) * direct_us, alone_us)
    return [replace(answered, raw=parts), replace(used, raw=times)]


async def _pair(direct: Ask, balanced: Ask, *, turned: bool) -> tuple[Round, Round]:
    """One round each, in either order."""
    if turned:
        second, first = await _round(balanced), await _round(direct)
    else:
        first, second = await _round(direct), await _round(balanced)
    return first, second


def _compared(pairs: Sequence[tuple[Round, Round]], at: int) -> tuple[float, float, tuple[float, ...]]:
    """Of one number of each round: the median directly, what the median ratio makes of it, and all ratios."""
    ratios = tuple(round(second[at] / first[at], 4) for first, second in pairs)
    direct = statistics.median(first[at] for first, _ in pairs)
    return direct, direct * statistics.median(ratios), ratios


async def _round(ask: Ask) -> Round:
    """Ask so often, so many at a time."""
    began_s, used_s = time.perf_counter(), time.process_time()

    async def some() -> None:
        for _ in range(REQUESTS // OPEN):
            await ask()

    await asyncio.gather(*(some() for _ in range(OPEN)))
    count = REQUESTS // OPEN * OPEN
    return count / (time.perf_counter() - began_s), 1e6 * (time.process_time() - used_s) / count


@asynccontextmanager
async def _instances() -> AsyncIterator[list[int]]:
    """Ports of the instances."""
    code = f"COUNT = {INSTANCES}\n{_INSTANCE}"
    started = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    try:
        assert started.stdout is not None
        yield [int(each) for each in (await started.stdout.readline()).split()]
    finally:
        started.kill()
        await started.wait()


@asynccontextmanager
async def _client(ports: list[int]) -> AsyncIterator[tuple[Ask, Ask]]:
    """Asks the first instance alone; asks all of them as a service would."""
    http, consul, tasks = HttpClient(), FakeConsul(), list[asyncio.Task[None]]()
    for port in ports:
        consul.add_instance("stock", LOOPBACK, port)
    loop, timeout = asyncio.get_running_loop(), aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout
    )
    directory = Directory(consul, http, "", lambda: lambda work: tasks.append(loop.create_task(work)), lambda: TOKEN)
    url, headers = f"http://{LOOPBACK}:{ports[0]}{PATH}", {"Authorization": f"Bearer {TOKEN}"}

    async def asked() -> bytes:
        async with session.get(url, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.read()

    try:
        yield asked, lambda: directory.client("stock").request("GET", PATH)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await http.close()
        await session.close()
