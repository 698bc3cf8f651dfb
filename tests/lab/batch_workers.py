"""A process of simulated workers for runs in which workers are killed: leases from any input, batches to any output.

Nothing is probed; all that a worker did is noted in the history, before and after, so that a killed process leaves on
record what it held. A batch keeps its id over all tries to send it.
"""

import argparse
import asyncio
import random
import sys
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hoploom.wire import addresses
from hoploom.wire.batch import Batch, Columns
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack
from hoploom.wire.lease import Lease, LeaseDone, LeaseRequest
from lab.history import FAIL, INVOKE, OK, Recorder

WORK_S = 3.0
"""Seconds of work in a lease: short, since half a minute of it would make a campaign of kills last for hours."""

ACCEPTED, CALL_S, AGAIN_S, NOTHING_S = 200, 4.0, 0.1, 0.5
FULL_LEASE_S = 30
"""What the input service takes for the length of a lease."""


class BatchWorkers:
    """The workers of one process."""

    def __init__(self, options: argparse.Namespace, recorder: Recorder) -> None:
        """Ask nothing yet."""
        self._options, self._recorder = options, recorder
        self._rng = random.Random()
        self._token = options.token_file.read_text()

    async def run(self) -> None:
        """Work for ever."""
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=CALL_S)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http, asyncio.TaskGroup() as group:
            for number in range(self._options.count):
                group.create_task(self._work(http, f"{self._options.name}-{number}"))

    async def _work(self, http: aiohttp.ClientSession, worker: str) -> None:
        # A killed process comes back as another run, and does not know what it held.
        run = uuid.uuid4().hex
        while True:
            lease = await self._lease(http, worker, run)
            batch = _batch(lease, worker)
            self._note(INVOKE, "probe", lease, batch.batch)
            await asyncio.sleep((lease.stop - lease.start) / self._options.pps * self._rng.uniform(0.5, 1.5))
            await self._submit(http, batch)
            self._note(OK, "stored", lease, batch.batch)
            status = await self._done(http, worker, lease)
            self._note(OK if status == ACCEPTED else FAIL, "done", lease, batch.batch, status)

    async def _lease(self, http: aiohttp.ClientSession, worker: str, run: str) -> Lease:
        """A lease, asked for until there is one."""
        # One id over all tries: with another one, a request that was given up and is carried out late would take the
        # lease back that a later one has got, because it does not tell of it.
        asked = LeaseRequest(
            request_id=uuid.uuid4().hex,
            worker=worker,
            group=self._options.group,
            rate_pps=max(1, round(self._options.pps * WORK_S / FULL_LEASE_S)),
            families=(4,),
            run=run,
        )
        while True:
            status, answer = await self._post(http, self._options.inputs, "/leases", json=asked.to_json())
            if status == ACCEPTED:
                return Lease.from_json(answer["lease"])
            await asyncio.sleep(NOTHING_S)

    async def _submit(self, http: aiohttp.ClientSession, batch: Batch) -> None:
        body, headers = pack(batch), {"Content-Type": MEDIA_TYPE_ZSTD}
        while True:
            status, _ = await self._post(http, self._options.outputs, "/results", data=body, headers=headers)
            if status == ACCEPTED:
                return
            await asyncio.sleep(AGAIN_S)

    async def _done(self, http: aiohttp.ClientSession, worker: str, lease: Lease) -> int:
        done = LeaseDone(worker=worker, campaign=lease.campaign, group=lease.group, token=lease.token)
        while True:
            path = f"/leases/{lease.id}/done"
            status, _ = await self._post(http, self._options.inputs, path, json=done.to_json())
            if status and status < 500:
                return status
            await asyncio.sleep(AGAIN_S)

    async def _post(self, http: aiohttp.ClientSession, urls: list[str], path: str, **options: Any) -> tuple[int, Any]:
        """Status and answer of some instance; status 0 where none came."""
        try:
            async with http.post(self._rng.choice(urls) + path, **options) as answer:
                return answer.status, await answer.json() if answer.status == ACCEPTED else None
        except (aiohttp.ClientError, TimeoutError):
            return 0, None

    def _note(self, ph: str, op: str, lease: Lease, batch: str, status: int = 0) -> None:
        what = {"lease": lease.id, "start": lease.start, "stop": lease.stop, "batch": batch, "status": status}
        self._recorder.note(ph, op, f"{lease.campaign}/{lease.round}/{lease.group}/{lease.family}", what, lease.token)


def _batch(lease: Lease, worker: str) -> Batch:
    """Results of a lease whose every target has answered."""
    rows = lease.stop - lease.start
    position = np.arange(lease.start, lease.stop, dtype=np.int64)
    address = np.zeros((rows, addresses.WIDTH), np.uint8)
    address[:, :12] = np.frombuffer(addresses.MAPPED_PREFIX, np.uint8)
    address[:, 12:] = (0x7F000000 + position).astype(">u4").view(np.uint8).reshape(rows, 4)
    one, rtt, none = np.ones(rows, np.uint16), np.full(rows, 100, np.int32), np.full(rows, -1, np.int16)
    columns = Columns(
        position=position, address=address, outcome=np.zeros(rows, np.uint8), sent=one, received=one,
        duplicates=np.zeros(rows, np.uint16), rtt_min_us=rtt, rtt_avg_us=rtt, rtt_max_us=rtt,
        reply_ttl=np.full(rows, 64, np.int16), icmp_type=none, icmp_code=none,
        icmp_from=np.zeros((rows, addresses.WIDTH), np.uint8), at_us=np.arange(rows, dtype=np.int64),
    )
    return Batch(
        batch=str(uuid.uuid4()), worker=worker, worker_number=lease.worker_number, campaign=lease.campaign,
        campaign_number=lease.campaign_number, measurement=lease.measurement, revision=lease.revision,
        round=lease.round, group=lease.group, lease=lease.id, family=lease.family, start=lease.start,
        stop=lease.stop, boot_id=worker, started_at_us=0, started_monotonic_us=0, sent_monotonic_us=0, columns=columns,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", nargs="+", required=True)
    parser.add_argument("--outputs", nargs="+", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--boot", type=int, required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--count", type=int, required=True, help="workers in this process")
    parser.add_argument("--pps", type=float, required=True, help="targets a second of each")
    return parser.parse_args()


if __name__ == "__main__":
    given = _options()
    with Recorder(given.history, given.name, given.boot) as recorder:
        asyncio.run(BatchWorkers(given, recorder).run())
