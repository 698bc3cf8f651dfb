"""Rows that an output instance makes durable in a second over HTTP, beside bare SQLite, and what a row takes on disk.

The output is a process of its own; this one sends batches that were packed before, over several connections. The
anchor are rows of five integers, inserted a value at a time and committed batch by batch as durably as the output's.
"""

import asyncio
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import apsw
import numpy as np
from numpy.typing import NDArray

from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.output_service.folder import live
from hoploom.wire.addresses import MAPPED_PREFIX
from hoploom.wire.batch import ANSWERED, LOST, UNREACHABLE, Batch, Columns
from hoploom.wire.batch_codec import pack
from lab.output_process import HEADERS, Output
from unit.wire.batches import make

ROWS = 10_000
BATCHES, RUNS, CONNECTIONS = 100, 3, 4
SHARE, ROW_BYTES = 0.4, 48
SEED = 20_251
SPAN_US = 20_000_000
"""How long a worker at 500 packets a second is at a batch."""

_FIRST, _LAST = 0x01000000, 0xDFFFFFFF
_MIXTURE = ((ANSWERED, 0.5), (LOST, 0.45), (UNREACHABLE, 0.05))
"""More answers than sweeps of the whole address space bring: rows that are answered are the longer ones."""


def measure(scale: float = 1.0) -> list[Figure]:
    """The figures.

    Args:
        scale: Part of the usual number of batches of a run.
    """
    count = max(CONNECTIONS, round(BATCHES * scale))
    bodies = [[pack(each) for each in _batches(count)] for _ in range(RUNS)]
    with tempfile.TemporaryDirectory() as folder:
        output, bare = Output(Path(folder)), []
        output.start()
        try:
            stored = []
            for each in bodies:
                bare.append(_bare(Path(folder) / "bare.db", count))
                stored.append(asyncio.run(_stored(output, each)))
        finally:
            output.end()
        row_bytes = _row_bytes(Path(folder) / "db" / live(1))
    anchor = statistics.median(bare)
    rate = at_least("durable rows over HTTP", statistics.median(stored), "rows/s", SHARE * anchor, ("bare", anchor))
    size = at_most("a row on disk, 50 % answered, 45 % lost, 5 % unreachable", row_bytes, "bytes", ROW_BYTES)
    return [replace(rate, raw=tuple(map(round, stored))), size]


def _batches(count: int) -> Iterator[Batch]:
    """Batches with the ids that workers give them."""
    randomness = np.random.default_rng(SEED)
    for _ in range(count):
        yield make(0, ROWS, batch=str(uuid.uuid4()), columns=_columns(randomness))


def _columns(randomness: np.random.Generator) -> Columns:
    """Pings of one request each to addresses all over the internet."""
    outcomes, shares = zip(*_MIXTURE, strict=True)
    outcome = randomness.choice(outcomes, ROWS, p=shares).astype(np.uint8)
    answered, refused = outcome == ANSWERED, outcome == UNREACHABLE
    rtt = np.where(answered, randomness.lognormal(10.8, 1.0, ROWS).clip(200, 900_000), -1).astype(np.int32)
    ttl = randomness.choice([64, 128, 255], ROWS) - randomness.integers(5, 25, ROWS)
    return Columns(
        position=np.arange(ROWS),
        address=_addresses(randomness, np.ones(ROWS, np.bool_)),
        outcome=outcome,
        sent=np.ones(ROWS, np.uint16),
        received=answered.astype(np.uint16),
        duplicates=np.zeros(ROWS, np.uint16),
        rtt_min_us=rtt,
        rtt_avg_us=rtt,
        rtt_max_us=rtt,
        reply_ttl=np.where(answered, ttl, -1).astype(np.int16),
        icmp_type=np.where(refused, 3, -1).astype(np.int16),
        icmp_code=np.where(refused, randomness.choice([0, 1, 10, 13], ROWS), -1).astype(np.int16),
        icmp_from=_addresses(randomness, refused),
        at_us=np.sort(randomness.integers(0, SPAN_US, ROWS)),
    )


def _addresses(randomness: np.random.Generator, there: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Different addresses, zeros where there is none."""
    numbers = np.unique(randomness.integers(_FIRST, _LAST, 2 * ROWS, dtype=np.uint32))
    packed = randomness.permutation(numbers)[:ROWS].astype(">u4").view(np.uint8).reshape(-1, 4)
    whole = np.concatenate([np.tile(np.frombuffer(MAPPED_PREFIX, np.uint8), (ROWS, 1)), packed], axis=1)
    return np.where(there[:, None], whole, np.uint8(0))


async def _stored(output: Output, bodies: list[bytes]) -> float:
    """Rows a second, from the first request to the last answer."""
    waiting = iter(bodies)
    async with aiohttp.ClientSession() as session:

        async def send() -> None:
            for body in waiting:
                async with session.post(f"{output.url}/results", data=body, headers=HEADERS) as answer:
                    answer.raise_for_status()

        began_s = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
    return len(bodies) * ROWS / (time.perf_counter() - began_s)


def _bare(path: Path, count: int) -> float:
    """Rows of five integers a second."""
    path.unlink(missing_ok=True)
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "FULL")
    connection.execute("CREATE TABLE bare (a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER)")
    rows = [(number, 2**31 + number, 12_345, 57, number % 20_000) for number in range(ROWS)]
    began_s = time.perf_counter()
    for _ in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
    took_s = time.perf_counter() - began_s
    connection.close()
    return count * ROWS / took_s


def _row_bytes(path: Path) -> float:
    """What a row takes in the whole database, with batches and indexes."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    rows = int(str(connection.execute("SELECT count(*) FROM ping_results").get))
    connection.close()
    return path.stat().st_size / rows
