"""Workers of the lab: take leases from any input instance, store the results, acknowledge; and misbehave by a seed.

Some forget a lease, as after a crash, so that its targets are handed out again; some come back to a forgotten lease
and acknowledge it all the same, as one does that was stopped for a while. Everything is noted in the run's history.
"""

import asyncio
import random
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

from hoploom.wire.lease import Lease, LeaseDone, LeaseRequest
from lab.history import FAIL, INFO, INVOKE, OK, Recorder
from lab.stub_output import StubOutput

DIES_BETWEEN = 0.3
CALL_S, PATIENCE_S = 3.0, 25.0
"""A worker gives up on an acknowledgement before its lease could have been handed out again unnoticed."""


@dataclass(frozen=True)
class Habits:
    """How the workers behave.

    Attributes:
        count: How many there are.
        work_s: The longest time that a lease takes them.
        forgets: How often one forgets a lease instead of finishing it.
        comes_back: How often one acknowledges what it had forgotten.
        stores_late: Acknowledges before it stores, and dies in between now and then: the checker must turn red.
        names: What their names begin with.
    """

    count: int = 8
    work_s: float = 0.5
    forgets: float = 0.1
    comes_back: float = 0.5
    stores_late: bool = False
    names: str = "w"


@dataclass
class _Worker:
    name: str
    rng: random.Random
    run: str = ""
    forgotten: list[Lease] = field(default_factory=list)


class LeaseWorkers:
    """All workers, in a thread with an event loop of their own, while this is entered as a context."""

    def __init__(self, urls: Sequence[str], token: str, output: StubOutput, recorder: Recorder, habits: Habits) -> None:
        """Start nothing yet.

        Args:
            urls: The input instances.
            token: The workers' token.
            output: Where results go.
            recorder: The run's history; written by the workers' thread alone.
            habits: How they behave; seeded by their names.
        """
        self._urls, self._headers = list(urls), {"Authorization": f"Bearer {token}"}
        self._output, self._recorder, self._habits = output, recorder, habits
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self._stop = threading.Event()

    async def _all(self) -> None:
        timeout = aiohttp.ClientTimeout(total=CALL_S)
        async with aiohttp.ClientSession(headers=self._headers, timeout=timeout) as http, asyncio.TaskGroup() as group:
            for number in range(self._habits.count):
                worker = _Worker(f"{self._habits.names}{number}", random.Random(number), run=f"run-{number}")
                group.create_task(self._work(http, worker))

    async def _work(self, http: aiohttp.ClientSession, worker: _Worker) -> None:
        while not self._stop.is_set():
            lease = await self._lease(http, worker)
            if lease is None:
                await asyncio.sleep(0.2)
                continue
            await asyncio.sleep(worker.rng.uniform(0.0, self._habits.work_s))
            if worker.rng.random() < self._habits.forgets:
                worker.forgotten.append(lease)
                continue
            if not self._habits.stores_late:
                self._output.store(lease)
            await self._acknowledge(http, worker, lease)
            if self._habits.stores_late and worker.rng.random() < DIES_BETWEEN:
                continue
            self._output.store(lease)
            if worker.forgotten and worker.rng.random() < self._habits.comes_back:
                late = worker.forgotten.pop(0)
                self._output.store(late)
                await self._acknowledge(http, worker, late)

    async def _lease(self, http: aiohttp.ClientSession, worker: _Worker) -> Lease | None:
        # Everything that it does not name it has lost: those targets are handed out again at once.
        asked = LeaseRequest(
            request_id=uuid.uuid4().hex, worker=worker.name, group="all", rate_pps=20, families=(4,), run=worker.run
        )
        status, answer = await self._post(http, worker, "/leases", asked.to_json())
        if status != 200:
            return None
        lease = Lease.from_json(answer["lease"])
        self._note(OK, "lease", lease)
        return lease

    async def _acknowledge(self, http: aiohttp.ClientSession, worker: _Worker, lease: Lease) -> None:
        done = LeaseDone(worker=worker.name, campaign=lease.campaign, group=lease.group, token=lease.token)
        self._note(INVOKE, "done", lease)
        give_up_s = asyncio.get_running_loop().time() + PATIENCE_S
        while asyncio.get_running_loop().time() < give_up_s:
            status, _ = await self._post(http, worker, f"/leases/{lease.id}/done", done.to_json())
            if status and status < 500:
                self._note(OK if status == 200 else FAIL, "done", lease)
                return
            await asyncio.sleep(0.1)
        self._note(INFO, "done", lease)

    async def _post(
        self, http: aiohttp.ClientSession, worker: _Worker, path: str, document: dict[str, Any]
    ) -> tuple[int, Any]:
        """Status and answer of some instance; status 0 where none came."""
        try:
            async with http.post(worker.rng.choice(self._urls) + path, json=document) as answer:
                return answer.status, await answer.json() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return 0, None

    def _note(self, ph: str, op: str, lease: Lease) -> None:
        what = {"lease": lease.id, "start": lease.start, "stop": lease.stop}
        self._recorder.note(ph, op, f"{lease.campaign}/{lease.round}/{lease.group}/{lease.family}", what, lease.token)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
