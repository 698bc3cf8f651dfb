"""A service that asks others by the kit, open loop: directly, from watched lists, each request with one safe retry.

A process of its own, here or on a host of a lab. The first line of standard input is what `deploys_callers` tells it;
when that ends, so does the load, and what came of each request is written to standard output.
"""

import asyncio
import base64
import itertools
import json
import sys
import time
import uuid
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from hoploom.kit.balance import Directory
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient


class Load:
    """The requests, and what came of them."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Ask nothing yet."""
        self._told, self._ends, self.all = told, asyncio.Event(), list[list[object]]()

    async def run(self) -> None:
        """Ask until standard input ends, or time is up."""
        told, watches = self._told, list[asyncio.Task[None]]()
        consul, http = ConsulApi(told["consul"], _token(told["token_file"])), HttpClient()

        def spawn(work: Coroutine[Any, Any, None]) -> None:
            watches.append(asyncio.create_task(work))

        try:
            await self._ask(Directory(consul, http, told["fabio"], lambda: spawn))
        finally:
            for each in watches:
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each
            await http.close()
            await consul.close()

    async def _ask(self, directory: Directory) -> None:
        told, began_s, pending = self._told, time.monotonic(), set[asyncio.Task[None]]()
        asked = itertools.cycle(told["asked"])
        for number in itertools.count(1):
            if self._ends.is_set() or number > told["at_most_s"] * told["per_s"]:
                break
            task = asyncio.create_task(self._one(directory, next(asked)))
            pending.add(task)
            task.add_done_callback(pending.discard)
            await asyncio.sleep(max(0.0, began_s + number / told["per_s"] - time.monotonic()))
        await asyncio.gather(*pending)

    async def _one(self, directory: Directory, asked: dict[str, Any]) -> None:
        at_s, method, path = time.time(), asked["method"], asked["path"]
        options: dict[str, Any] = {"headers": dict(asked["headers"])}
        if method == "POST":
            # As the kit's guide says: only so may anybody send it twice.
            options["headers"]["Idempotency-Key"] = str(uuid.uuid4())
            options["data"] = base64.b64decode(asked["body"])
        try:
            answer = await directory.client(asked["service"]).request(method, path, **options)
            code, words = answer.status, "" if answer.status in asked["good"] else answer.reason()
        except Unavailable as error:
            code, words = 0, str(error)
        self.all.append([at_s, time.time() - at_s, method, path, code, words, True, code in asked["good"]])

    async def wait(self) -> None:
        """Wait for the end of standard input."""
        await asyncio.to_thread(sys.stdin.read)
        self._ends.set()


def _token(file: str) -> str:
    return Path(file).read_text(encoding="ascii").strip() if file else ""


async def main() -> None:
    """The process."""
    load = Load(json.loads(sys.stdin.readline()))
    await asyncio.gather(load.run(), load.wait())
    json.dump(load.all, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
