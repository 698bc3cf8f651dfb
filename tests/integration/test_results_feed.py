"""A real output process read while batches come and it is killed: every row once and in order, by each way to read."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from lab.output_process import Output
from unit.wire.batches import make
from waiting import eventually

BATCHES, ROWS, KILLED_AT = 30, 50, (8, 20)
STREAM = {"Accept": "text/event-stream"}
Seen = list[tuple[int, str]]
WITHIN_S = 60


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Output]:
    """An output instance, not started."""
    made = Output(tmp_path)
    yield made
    made.end(signal.SIGKILL)


def keep(seen: Seen, documents: list[dict[str, Any]]) -> None:
    seen += [(each["seq"], each["address"]) for each in documents]


async def polled(session: aiohttp.ClientSession, output: Output, path: str, seen: Seen) -> None:
    """Read pages one after another, each from the cursor of the one before."""
    cursor: dict[str, str] = {}
    while len(seen) < BATCHES * ROWS:
        try:
            async with session.get(f"{output.url}{path}", params={"limit": "70", **cursor}) as answer:
                found = await answer.json()
        except aiohttp.ClientError:
            await eventually("the instance", output.listens, WITHIN_S)
            continue
        keep(seen, found["results"])
        cursor = {"cursor": found["cursor"]}


async def streamed(session: aiohttp.ClientSession, output: Output, seen: Seen) -> None:
    """Read streams, each from the last event of the one before."""
    last: dict[str, str] = {}
    while len(seen) < BATCHES * ROWS:
        try:
            async with session.get(f"{output.url}/results/feed", headers=STREAM | last) as stream:
                while len(seen) < BATCHES * ROWS and (line := (await stream.content.readline()).decode()):
                    name, _, value = line.rstrip("\n").partition(": ")
                    if name == "id":
                        last = {"Last-Event-ID": value}
                    elif name == "data":
                        keep(seen, [json.loads(value)])
        except aiohttp.ClientError:
            await eventually("the instance", output.listens, WITHIN_S)


async def posted(session: aiohttp.ClientSession, output: Output) -> None:
    """Send all batches; the instance is killed and started again on the way."""
    for number in range(1, BATCHES + 1):
        if number in KILLED_AT:
            await asyncio.to_thread(output.end, signal.SIGKILL)
            await asyncio.to_thread(output.start)
        assert await output.post(session, make(number, ROWS)) == 200


async def test_every_row_is_read_once_and_in_order_over_kills(output: Output) -> None:
    await asyncio.to_thread(output.start)
    waited_for: Seen = []
    streamed_to: Seen = []
    read_later: Seen = []
    async with asyncio.timeout(WITHIN_S), aiohttp.ClientSession() as session:
        async with asyncio.TaskGroup() as group:
            group.create_task(polled(session, output, "/results/feed", waited_for))
            group.create_task(streamed(session, output, streamed_to))
            await posted(session, output)
        await polled(session, output, "/results", read_later)
    expected = [
        (number, f"10.0.{row // 256}.{row % 256}")
        for number in range(1, BATCHES + 1)
        for row in range(number * ROWS, (number + 1) * ROWS)
    ]
    assert waited_for == expected and streamed_to == expected and read_later == expected


async def test_readers_that_wait_do_not_hold_up_an_instance_that_stops(output: Output) -> None:
    await asyncio.to_thread(output.start)
    assert output.process
    url = f"{output.url}/results/feed"
    async with asyncio.timeout(WITHIN_S), aiohttp.ClientSession() as session:
        waiting = asyncio.create_task(session.get(url, params={"wait": "55"}))
        async with session.get(url, headers=STREAM) as stream:
            assert await stream.content.readline() == b"retry: 2000\n"
            output.process.send_signal(signal.SIGTERM)
            rest = await stream.content.read()
        answer = await waiting
        assert rest.endswith(b"retry: 2000\n\n") and (await answer.json())["results"] == []
    assert await asyncio.to_thread(output.process.wait, 30) == 0
    output.process = None
