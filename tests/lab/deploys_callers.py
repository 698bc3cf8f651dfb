"""Services that ask another one by the kit: directly, from a watched list, with one safe retry; open loop.

Their POSTs carry an idempotency key, as the kit's guide says: only so may anybody send them twice.
"""

import asyncio
import itertools
import threading
import time
import uuid
from contextlib import suppress
from types import TracebackType
from typing import Self

from hoploom.kit.balance import Directory, ServiceClient
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from vegeta import PER_S, Account, Sent

_WARM_S = 2.0


class Callers:
    """The load, while this is entered as a context."""

    def __init__(self, consul: str, fabio: str, service: str = "orders", per_s: float = PER_S / 2) -> None:
        """Ask nothing yet.

        Args:
            consul: URL of an agent.
            fabio: URL of the Fabio that is asked while nobody is known.
            service: Who is asked, at the path of that name.
            per_s: Requests a second.
        """
        self._consul, self._fabio, self._service, self._pause_s = consul, fabio, service, 1 / per_s
        self._ends = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._began_s, self._all = 0.0, list[Sent]()

    def __enter__(self) -> Self:
        """Begin."""
        self._began_s = time.time()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and wait for the last answers."""
        self._ends.set()
        self._thread.join()

    def account(self, from_s: float = 0.0, to_s: float = float("inf")) -> Account:
        """What came of what was sent between two moments (seconds since 1970); known when the load has ended."""
        from_s = max(from_s, self._began_s + _WARM_S)
        return Account(tuple(each for each in sorted(self._all) if from_s <= each.at_s < to_s))

    async def _run(self) -> None:
        consul, http, watches = ConsulApi(self._consul), HttpClient(), list[asyncio.Task[None]]()

        def spawn(work: object) -> None:
            watches.append(asyncio.create_task(work))  # type: ignore[arg-type]

        try:
            client = Directory(consul, http, self._fabio, lambda: spawn).client(self._service)
            await self._ask(client)
        finally:
            for each in watches:
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each
            await http.close()
            await consul.close()

    async def _ask(self, client: ServiceClient) -> None:
        began_s, pending = time.monotonic(), set[asyncio.Task[None]]()
        for number in itertools.count(1):
            if self._ends.is_set():
                break
            task = asyncio.create_task(self._one(client, "POST" if number % 2 else "GET"))
            pending.add(task)
            task.add_done_callback(pending.discard)
            await asyncio.sleep(max(0.0, began_s + number * self._pause_s - time.monotonic()))
        await asyncio.gather(*pending)

    async def _one(self, client: ServiceClient, method: str) -> None:
        at_s, path = time.time(), f"/{self._service}"
        options = {"data": b"x" * 100, "headers": {"Idempotency-Key": str(uuid.uuid4())}} if method == "POST" else {}
        try:
            code, words = (await client.request(method, path, **options)).status, ""
        except Unavailable as error:
            code, words = 0, str(error)
        self._all.append(Sent(at_s, time.time() - at_s, method, path, code, words, True, code == 200))
