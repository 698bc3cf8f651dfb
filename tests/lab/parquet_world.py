"""A data set as a campaign over the cloud providers' addresses leaves it, for measuring: random targets, one request.

Networks answer alike: RTT by /20 with some jitter, part of each /24, a third of them not at all; 3 % of the silent are
answered for by a router.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from hoploom.results import tables
from hoploom.wire.batch import ANSWERED, LOST, UNREACHABLE
from lab.result_files import STORE

BATCH_ROWS = 10_000
WORKERS, PPS = 8, 500
BEGAN_US = 1_795_219_200_000_000
_SPACE = Path(__file__).resolve().parents[1] / "data" / "cloud-provider-ip-addresses"
Numbers = NDArray[np.int64]


def space() -> Numbers:
    """First and last address of each range of the lists' IPv4 addresses, merged: (n, 2)."""
    networks = (
        ipaddress.IPv4Network(line.strip(), strict=False)
        for path in sorted(_SPACE.glob("*_ipv4.txt"))
        for line in path.read_text(encoding="ascii").splitlines()
        if line.strip()
    )
    found = [(int(each[0]), int(each[-1])) for each in ipaddress.collapse_addresses(networks)]
    return np.array(sorted(found), np.int64)


def merged(path: Path, rows: int, seed: int = 1) -> int:
    """Make a merged.db.

    Args:
        path: Where; nothing may be there.
        rows: Of `ping_results`.
        seed: Of all that is random.

    Returns:
        How many addresses the lists have.
    """
    ranges, rng = space(), np.random.default_rng(seed)
    sizes = ranges[:, 1] - ranges[:, 0] + 1
    ends = np.cumsum(sizes)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
    for statement in (*tables.TABLES.values(), tables.BATCHES_BY_KEY, tables.META):
        connection.execute(statement)
    with connection:
        for number in range(-(-rows // BATCH_ROWS)):
            index = rng.integers(0, ends[-1], min(BATCH_ROWS, rows - number * BATCH_ROWS))
            block = np.searchsorted(ends, index, side="right")
            address = ranges[block, 0] + index - (ends[block] - sizes[block])
            _batch(connection, number, address, rng)
    connection.close()
    return int(ends[-1])


def _batch(connection: apsw.Connection, number: int, address: Numbers, rng: np.random.Generator) -> None:
    identity = uuid.UUID(int=rng.integers(2**62).item() << 65 | number)
    worker, key, rows = number % WORKERS, identity.int >> 65, len(address)
    started_us = BEGAN_US + number // WORKERS * BATCH_ROWS * 1_000_000 // PPS
    head = (
        *(str(identity), key, bytes(32), STORE, number + 1, "clouds", 2_000_000_000, 2_000_000_001),
        *(f"worker-{worker}", 2_000_000_002 + worker, "ab" * 32, 0, "default", f"clouds-{number // 5}", 4, "ping"),
        *(number * BATCH_ROWS, number * BATCH_ROWS + rows, rows, 0, rows, 0, 0, 0, 0, "boot"),
        *(started_us, 0, started_us + 25_000_000),
    )
    connection.execute(f"INSERT INTO batches VALUES ({', '.join('?' * len(head))})", head)
    connection.executemany(
        f"INSERT INTO ping_results VALUES ({key}, ?, ?, 1, ?, 0, ?, NULL, NULL, ?, ?, ?, ?, ?)", _rows(address, rng)
    )


def _rows(address: Numbers, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    rows = len(address)
    network, density = _mixed(address >> 12, 180_000), _mixed(address >> 8, 100)
    answered = rng.random(rows) < np.where(density < 35, 0.0, density / 100)
    outcome = np.where(answered, ANSWERED, np.where(rng.random(rows) < 0.03, UNREACHABLE, LOST))
    rtt_us = 2_000 + network + rng.gamma(1.5, 400, rows).astype(np.int64)
    ttl = rng.choice([64, 128, 255], rows, p=[0.9, 0.05, 0.05]) - 8 - network % 14
    at_ms = np.arange(rows) * 1_000 // PPS + rng.integers(0, 3, rows)
    columns = (each.tolist() for each in (address, outcome, rtt_us, ttl, at_ms))
    for target, fate, rtt, reply_ttl, moment in zip(*columns, strict=True):
        heard = (rtt, reply_ttl) if fate == ANSWERED else (None, None)
        error = (3, 1, _text(target & ~0xFF | 1)) if fate == UNREACHABLE else (None, None, None)
        yield (_text(target), fate, int(fate == ANSWERED), *heard, *error, moment)


def _mixed(number: Numbers, below: int) -> Numbers:
    """The same random number for the same network."""
    mixed = number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(40)).astype(np.int64) % below


def _text(address: int) -> str:
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
