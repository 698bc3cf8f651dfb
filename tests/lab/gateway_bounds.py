"""What a manager bears at its gateway: many large uploads at a time, and callers that say a word now and then."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine_processes import Child
from hoploom.wire.enrolment import Enrolled
from lab.edge_world import MESH, EdgeWorld
from waiting import pause

WORKERS, BODY_BYTES, UPLOAD_S = 20, 8 * 2**20, 6.0
PIECE_BYTES = 2**16
HALF_HEADS, HALF_BODIES = 400, 12
DRIP_S = 5.0
HOLD_S = 8.0
"""Longer than the gateway waits for what is to be said about a lease."""


def uploads(world: EdgeWorld, port: int) -> dict[str, float]:
    """So many workers send so much each to one manager, at the same time; what its memory was, in KiB."""
    manager, joined = world.mesh.managers[port], [world.joined(f"pi-{number}") for number in range(WORKERS)]
    before = rss_kib(manager)
    statuses: list[int] = []

    async def together() -> None:
        sent = await asyncio.gather(*(_upload(world, port, each) for each in joined))
        statuses.extend(sent)

    most = _watched(manager, together())
    stored = {f"answers {status}": float(statuses.count(status)) for status in sorted(set(statuses))}
    return {"before_kib": before, "most_kib": most, "grown_kib": most - before, **stored}


def slow_callers(world: EdgeWorld, port: int) -> dict[str, float]:
    """Heads and bodies that do not come to their end, while a worker asks; how long it waits, and who is cut off."""
    manager, slow, asks = world.mesh.managers[port], world.joined("pi-slow"), world.joined("pi-asks")
    before = rss_kib(manager)
    seen: dict[str, float] = {}

    async def slowly() -> None:
        half = b"POST /gateway/leases HTTP/1.1\r\nHost: x\r\n"
        heads = [await _connected(world, port, half) for _ in range(HALF_HEADS)]
        body = _head("/gateway/leases", slow, 100) + b"{"
        bodies = [await _connected(world, port, body) for _ in range(HALF_BODIES + 4)]
        seen["asks_s"] = await _longest_ask(world, port, asks)
        ended = await asyncio.gather(*(_status(reader) for reader, _ in bodies))
        seen.update({f"slow bodies answered {status}": ended.count(status) for status in sorted(set(ended))})
        began_s = time.monotonic()
        await asyncio.gather(*(_drip(*each) for each in heads))
        seen["half heads ended after s"] = HOLD_S + time.monotonic() - began_s
        for _, writer in [*heads, *bodies]:
            writer.transport.abort()

    seen["grown_kib"] = _watched(manager, slowly()) - before
    return seen


def rss_kib(child: Child) -> float:
    """Memory that a process has in use now."""
    assert child.process
    lines = Path(f"/proc/{child.process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _watched(child: Child, work: Coroutine[Any, Any, None]) -> float:
    """The most memory that a process had in use during some work, in KiB; a thread of ours is in our namespace."""
    thread, most = threading.Thread(target=asyncio.run, args=(work,)), 0.0
    thread.start()
    while thread.is_alive():
        most = max(most, rss_kib(child))
        pause(0.02)
    thread.join()
    return most


async def _upload(world: EdgeWorld, port: int, joined: Enrolled) -> int:
    reader, writer = await asyncio.open_connection(world.links.address(MESH), port)
    writer.write(_head("/gateway/results", joined, BODY_BYTES))
    pieces = BODY_BYTES // PIECE_BYTES
    answered = asyncio.ensure_future(_status(reader))
    for _ in range(pieces):
        if answered.done():
            break
        writer.write(bytes(PIECE_BYTES))
        await writer.drain()
        await asyncio.sleep(UPLOAD_S / pieces)
    status = await answered
    writer.transport.abort()
    return status


async def _longest_ask(world: EdgeWorld, port: int, joined: Enrolled) -> float:
    longest_s, until_s = 0.0, time.monotonic() + HOLD_S
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        reader, writer = await _connected(world, port, _head("/gateway/api/v1/overlay", joined, 0, "GET"))
        assert await _status(reader) == 200
        writer.transport.abort()
        longest_s = max(longest_s, time.monotonic() - began_s)
        await asyncio.sleep(0.1)
    return longest_s


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One more line of a head now and then, until somebody ends it."""
    ended = asyncio.ensure_future(reader.read())
    while not ended.done():
        with suppress(ConnectionError):
            writer.write(b"X-More: x\r\n")
            await writer.drain()
        await asyncio.wait([ended], timeout=DRIP_S)


async def _connected(
    world: EdgeWorld, port: int, first: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(world.links.address(MESH), port)
    writer.write(first)
    await writer.drain()
    return reader, writer


async def _status(reader: asyncio.StreamReader) -> int:
    return int((await reader.readline()).split()[1])


def _head(path: str, joined: Enrolled, size_bytes: int, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {joined.credential}"]
    lines += [f"Content-Length: {size_bytes}", "Idempotency-Key: lab", "", ""]
    return "\r\n".join(lines).encode()
