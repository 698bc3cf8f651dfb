"""Permanent integer ids, counted up in the KV store: a number is never given twice.

Each datacenter counts for itself, also while it is cut off, and from another beginning, so that results of all of them
may lie in one data set.
"""

import asyncio
from hashlib import blake2b

from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.wire.campaign import FIRST_NUMBER

NEXT_NUMBER = "hoploom/ids/next"
OF_WORKERS = "hoploom/ids/worker/"

# Lost races in a row; each means that another instance has just moved on.
_TRIES = 50

_COUNT_BITS, _PLACE_BITS = 32, 20
"""Of a number: what is counted, and where. Together it stays below 2**53, which all readers keep exactly."""


def first_number(dc: str) -> int:
    """Where a datacenter begins to count that is not the mesh's home; the home does at `FIRST_NUMBER`."""
    place = int.from_bytes(blake2b(dc.encode(), digest_size=8, person=b"hoploom-number").digest(), "big")
    return FIRST_NUMBER + ((1 + place % ((1 << _PLACE_BITS) - 1)) << _COUNT_BITS)


class Numbers:
    """Gives numbers out, and remembers those of workers."""

    def __init__(self, consul: ConsulApi, first: int = FIRST_NUMBER) -> None:
        """Know the KV store, and where to begin where nothing was counted yet."""
        self._consul, self._first = consul, first
        self._workers: dict[str, int] = {}
        # A fleet that starts asks all at once, and in one process nobody needs to lose a race.
        self._turn = asyncio.Lock()

    @classmethod
    def of(cls, consul: ConsulApi, dc: str, home_dc: str) -> "Numbers":
        """Those of a datacenter: the mesh's home counts from `FIRST_NUMBER`."""
        return cls(consul) if dc == home_dc else cls(consul, first_number(dc))

    async def take(self, count: int) -> int:
        """The first of so many new numbers in a row."""
        async with self._turn:
            for _ in range(_TRIES):
                entry = await self._consul.kv_get(NEXT_NUMBER)
                first = int(entry.value) if entry else self._first
                index = entry.modify_index if entry else 0
                if await self._consul.kv_put(NEXT_NUMBER, str(first + count).encode(), cas=index):
                    return first
        raise Unavailable("too many others take numbers just now")

    async def of_worker(self, worker: str) -> int:
        """The number of a worker, given when it joins or at its first lease, and kept for ever."""
        if worker not in self._workers:
            key = f"{OF_WORKERS}{worker}"
            if await self._consul.kv_get(key) is None:
                await self._consul.kv_put(key, str(await self.take(1)).encode(), cas=0)
            entry = await self._consul.kv_get(key, consistent=True)
            if entry is None:
                raise Unavailable("the worker's number is gone again")
            self._workers[worker] = int(entry.value)
        return self._workers[worker]
