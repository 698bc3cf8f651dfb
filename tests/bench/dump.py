"""Rows that an output makes durable in a second while it makes and streams a dump of a gigabyte, beside without.

The output is a process of its own, and so is who takes the dump. Batches were packed before; the parts of the run with
and without a dump follow each other, so that a busy machine slows both.
"""

import asyncio
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.output_service.store import Store
from hoploom.wire.batch_codec import pack
from lab.output_process import HEADERS, Output
from unit.wire.batches import make

ROWS, CONNECTIONS, BODIES = 10_000, 4, 2500
GIGABYTE, SHARE = 10**9, 0.8
ROUNDS, ALONE_S = 2, 4.0
_TAKE = """
import sys, time, urllib.request
began, size = time.perf_counter(), 0
with urllib.request.urlopen(sys.argv[1], timeout=600) as answer:
    while piece := answer.read(2**20):
        size += len(piece)
print(size, time.perf_counter() - began)
"""


def measure(scale: float = 1.0) -> list[Figure]:
    """The figures.

    Args:
        scale: Part of a gigabyte.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "db").mkdir()
        size_bytes = asyncio.run(_fill(Path(folder) / "db", round(scale * GIGABYTE)))
        output = Output(Path(folder))
        output.start()
        try:
            alone, beside, took = asyncio.run(_run(output))
        finally:
            output.end()
    without = statistics.median(alone)
    anchor = ("without", without)
    name = "durable rows while a dump is made and streamed"
    ingest = at_least(name, statistics.median(beside), "rows/s", SHARE * without, anchor)
    seconds = statistics.median(took)
    return [
        replace(ingest, raw=tuple(map(round, beside))),
        at_most("a dump with that load beside it", seconds, "s", 300 * max(1.0, scale)),
        at_least("size of the dump", size_bytes / 1e6, "MB", scale * GIGABYTE / 1e6),
    ]


async def _fill(folder: Path, size_bytes: int) -> int:
    """A store of so many bytes."""
    store, batch = Store(folder, 64), make(0, ROWS)
    while store.path.stat().st_size < size_bytes:
        await asyncio.gather(*(store.append(replace(batch, batch=str(uuid.uuid4()))) for _ in range(16)))
    await asyncio.to_thread(store.close)
    return store.path.stat().st_size


async def _run(output: Output) -> tuple[list[float], list[float], list[float]]:
    """Rows a second without a dump, rows a second beside one, and how long each dump took."""
    alone, beside, took = list[float](), list[float](), list[float]()
    fresh = _bodies()
    # Packed before; should they not suffice, the rest is packed meanwhile.
    waiting = itertools.chain([next(fresh) for _ in range(BODIES)], fresh)
    async with aiohttp.ClientSession() as session:
        send = _Sending(session, f"{output.url}/results", waiting)
        await send.rate(asyncio.sleep(1.0))
        for _ in range(ROUNDS):
            alone.append(await send.rate(asyncio.sleep(ALONE_S)))
            began_s = time.perf_counter()
            beside.append(await send.rate(asyncio.to_thread(_dump, output)))
            took.append(time.perf_counter() - began_s)
        alone.append(await send.rate(asyncio.sleep(ALONE_S)))
    return alone, beside, took


@dataclass
class _Sending:
    """Sends batches; counts the rows that were acknowledged."""

    session: aiohttp.ClientSession
    url: str
    bodies: Iterator[bytes]
    stored: int = 0

    async def rate(self, lasts: Awaitable[None]) -> float:
        """Rows a second that are stored for as long as something lasts."""
        before, began_s = self.stored, time.perf_counter()
        senders = [asyncio.create_task(self._send()) for _ in range(CONNECTIONS)]
        await lasts
        rate = (self.stored - before) / (time.perf_counter() - began_s)
        for each in senders:
            each.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        return rate

    async def _send(self) -> None:
        while True:
            async with self.session.post(self.url, data=next(self.bodies), headers=HEADERS) as answer:
                answer.raise_for_status()
                self.stored += ROWS


def _dump(output: Output) -> None:
    subprocess.run([sys.executable, "-c", _TAKE, f"{output.url}/dump"], check=True, stdout=subprocess.DEVNULL)


def _bodies() -> Iterator[bytes]:
    """Batches without end, each with an id of its own."""
    batch = make(0, ROWS)
    while True:
        yield pack(replace(batch, batch=str(uuid.uuid4())))
