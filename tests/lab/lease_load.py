"""Many workers that ask for leases at an even pace, whatever the answers take; how long each grant took is kept."""

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from hoploom.wire.lease import Lease, LeaseDone, LeaseRequest

OK, NO_CONTENT, UNAVAILABLE = 200, 204, 503


@dataclass
class Granted:
    """What came of a load.

    Attributes:
        took_s: Seconds from the request of each grant to its answer.
        over_s: Seconds that all took together.
        refused: Requests that were answered with 204 or 503, and were made again.
    """

    took_s: list[float] = field(default_factory=list)
    over_s: float = 0.0
    refused: int = 0


class LeaseLoad:
    """One load on some input instances."""

    def __init__(self, urls: Sequence[str], token: str, workers: int, per_s: float) -> None:
        """Ask nothing yet.

        Args:
            urls: The instances; each request goes to any of them, as a router would send it.
            token: The workers' token.
            workers: How many workers there are; each holds one lease at a time.
            per_s: Grants that all ask for together in a second, each followed by its acknowledgement.
        """
        self._urls, self._headers = list(urls), {"Authorization": f"Bearer {token}"}
        self._workers, self._every_s = workers, workers / per_s
        self._rng = random.Random(0)
        self._found = Granted()

    async def run(self, seconds: float) -> Granted:
        """Have every worker take its first lease, then keep the pace for a time."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(headers=self._headers, connector=connector) as http:
            await asyncio.gather(*(self._one(http, number) for number in range(self._workers)))
            self._found = Granted()
            began_s = time.perf_counter()
            await asyncio.gather(*(self._paced(http, number, seconds) for number in range(self._workers)))
            self._found.over_s = time.perf_counter() - began_s
        return self._found

    async def _paced(self, http: aiohttp.ClientSession, number: int, seconds: float) -> None:
        began_s, turn = time.perf_counter() + self._every_s * number / self._workers, 0
        while turn * self._every_s < seconds:
            await asyncio.sleep(max(0.0, began_s + turn * self._every_s - time.perf_counter()))
            await self._one(http, number)
            turn += 1

    async def _one(self, http: aiohttp.ClientSession, number: int) -> None:
        """A lease and its acknowledgement."""
        began_s = time.perf_counter()
        while (lease := await self._lease(http, number)) is None:
            self._found.refused += 1
            await asyncio.sleep(0.1)
        self._found.took_s.append(time.perf_counter() - began_s)
        done = LeaseDone(worker=f"w{number}", campaign=lease.campaign, group=lease.group, token=lease.token)
        while not await self._told(http, lease.id, done):
            self._found.refused += 1
            await asyncio.sleep(0.1)

    async def _told(self, http: aiohttp.ClientSession, lease: str, done: LeaseDone) -> bool:
        """Whether somebody has taken an acknowledgement; False while a slot changes hands."""
        async with http.post(f"{self._rng.choice(self._urls)}/leases/{lease}/done", json=done.to_json()) as answer:
            assert answer.status in (OK, UNAVAILABLE), (answer.status, await answer.text())
            return answer.status == OK

    async def _lease(self, http: aiohttp.ClientSession, number: int) -> Lease | None:
        """A lease, or None where there is none just now."""
        asked = LeaseRequest(
            request_id=uuid.uuid4().hex,
            worker=f"w{number}",
            group="all",
            rate_pps=10,
            families=(4, 6),
            run=f"r{number}",
        )
        async with http.post(f"{self._rng.choice(self._urls)}/leases", json=asked.to_json()) as answer:
            if answer.status == OK:
                return Lease.from_json((await answer.json())["lease"])
            assert answer.status in (NO_CONTENT, UNAVAILABLE), (answer.status, await answer.text())
            return None
