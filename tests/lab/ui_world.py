"""A mesh whose pages have much to show: a million results, paths with 100,000 hops, 500 workers, 200 instances more.

Consul, Fabio, a manager, an input and an output are real processes. Workers send ads and do nothing else, the further
instances are entries of Consul, and results are written into the store before the output is started.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine_processes import FabioRouter, ask, free_ports
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Unavailable
from hoploom.manager.enrolment.records import WorkerRecord, packed, worker_key
from hoploom.output_service.store import Store
from hoploom.wire import addresses
from hoploom.wire.batch import ANSWERED
from hoploom.wire.campaign import FIRST_NUMBER
from lab.ads_world import TOKEN, AdManagers, LabWorker
from lab.process import Process, always
from unit.wire import traces
from unit.wire.batches import columns, make
from waiting import eventually

PINGED, TRACED = "pinged", "traced"
WORKERS, NETWORKS, INSTANCES = 500, 250, 200
RESULTS, HOPS, ROUTERS = 1_000_000, 100_000, 20_000
_ROWS = 1_000
_SEED = 7
_AGE_US = 600 * 10**6
_ADDED = re.compile(r"^hoploom_output_rollup_results_total(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class UiWorld:
    """All of it, while it runs.

    Attributes:
        managers: One manager, and its Consul.
        fabio: The router before it.
        workers: Those who send ads.
    """

    managers: AdManagers
    fabio: FabioRouter
    workers: list[LabWorker]

    @property
    def pid(self) -> int:
        """Process of the manager."""
        return self.managers.processes[0].pid


@asynccontextmanager
async def ui_world(engines: Mapping[str, Path], folder: Path, scale: float) -> AsyncIterator[UiWorld]:
    """Start it, and wait until the manager has heard all workers and the output has added up all results.

    Args:
        engines: Executables of Consul and Fabio, by name.
        folder: An empty folder for data and logs.
        scale: Part of the results and hops.
    """
    managers = AdManagers(engines["consul"], folder, 1, ["--development", "true"])
    with managers, ExitStack() as stack:
        fabio = FabioRouter(engines["fabio"], folder / "fabio", "f1", managers.agent)
        stack.callback(fabio.stop)
        fabio.start()
        for at in range(INSTANCES):
            _enter(managers.agent.url, at)
        ports = free_ports(2)
        named = zip(("input", "output"), ports, strict=True)
        inputs, outputs = (_service(name, port, folder, managers.agent.url) for name, port in named)
        (folder / "db").mkdir()
        for each in (inputs, outputs):
            stack.callback(each.kill)
        inputs.start()
        for name, kind in ((PINGED, "ping"), (TRACED, "trace")):
            made = await eventually(f"campaign {name}", partial(_created, ports[0], name, kind), 60)
            await _fill(folder / "db", made or {}, kind, scale)
        outputs.start()
        world = UiWorld(managers, fabio, [managers.worker(f"pi-{at:03}") for at in range(WORKERS)])
        for number, worker in enumerate(world.workers):
            _enrol(managers.agent.url, worker, number)
        await eventually("the manager", lambda: managers.name(0), 60)
        await managers.say(0, *world.workers)
        wanted = _ROWS * sum(_batches(kind, scale) for kind in ("ping", "trace"))
        await eventually("the sums", lambda: _added(managers, ports[1], wanted), 180)
        try:
            yield world
        finally:
            await managers.http.close()


def _service(name: str, port: int, folder: Path, consul: str) -> Process:
    token = str(folder / "token")
    words = ["--port", str(port), "--consul-addr", consul, "--log-level", "warning",
             "--operator-token-file", token, "--worker-token-file", token]  # fmt: skip
    where = ["--db-dir", str(folder / "db")] if name == "output" else []
    return always(name, [sys.executable, "-m", f"hoploom.{name}_service", *words, *where], folder)


def _enter(consul: str, at: int) -> None:
    """Enter an instance that there is not: nobody is sent to it."""
    record = {
        "ID": f"ping-{at:08x}", "Name": "ping", "Address": "127.0.0.1", "Port": 0,
        "Meta": {"version": "1", "dc": "dc1", "booted_at_us": str(wall_us()), "worker": f"host-{at:03}"},
        "Checks": [{"CheckID": f"ping-{at:08x}:alive", "Name": "heartbeat", "TTL": "1h", "Status": "passing"}],
    }  # fmt: skip
    assert ask("PUT", f"{consul}/v1/agent/service/register", record) is not None


def _enrol(consul: str, worker: LabWorker, number: int) -> None:
    """Put a worker on the roll: a credential of one who is not there is soon taken for that of one who was removed."""
    record = WorkerRecord(
        name=worker.name, number=FIRST_NUMBER + number, key=worker.key.public, invited_us=wall_us(),
        enrolled_us=wall_us(),
    )  # fmt: skip
    assert ask("PUT", f"{consul}/v1/kv/{worker_key(worker.name)}", json.loads(packed(record))) is True


def _created(port: int, name: str, kind: str) -> dict[str, Any] | None:
    """A campaign over loopback alone, which nobody works on; None while the input service cannot make it yet."""
    blocks = [f"127.{at}.0.0/24" for at in range(1, NETWORKS + 1)]
    wanted = {"v": 1, "id": name, "blocks": blocks, "allow_private": True, "probe": {"kind": kind}}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/campaigns", json.dumps(wanted).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
    except OSError:
        return None
    return found["campaign"] if "campaign" in found else found


async def _added(managers: AdManagers, port: int, wanted: int) -> bool:
    """Whether the output has added up so many results; not while it starts."""
    try:
        answer = await managers.http.request("GET", f"http://127.0.0.1:{port}/metrics")
    except Unavailable:
        return False
    found = _ADDED.search(answer.body.decode())
    return found is not None and float(found[1]) >= wanted


def _batches(kind: str, scale: float) -> int:
    return round(scale * (RESULTS if kind == "ping" else HOPS / traces.HOPS) / _ROWS)


async def _fill(folder: Path, campaign: Mapping[str, Any], kind: str, scale: float) -> None:
    """Store what its workers would have sent: each of them some batches, over all networks."""
    store, randomness = Store(folder, 64), np.random.default_rng(_SEED)
    same = {"campaign": campaign["id"], "campaign_number": campaign["number"], "kind": kind,
            "measurement": campaign["measurement"]}  # fmt: skip
    for number in range(_batches(kind, scale)):
        found = _pings(randomness) if kind == "ping" else _paths(randomness, number)
        worker = f"pi-{number % WORKERS:03}"
        at = {"start": number * _ROWS, "stop": (number + 1) * _ROWS, "started_at_us": wall_us() - _AGE_US}
        batch = f"{number:08x}-{campaign['number'] % 10_000:04}-4000-8000-000000000000"
        await store.append(make(number, _ROWS, batch=batch, worker=worker, group=worker, columns=found, **at, **same))
    store.close()


def _pings(randomness: np.random.Generator) -> Any:
    found = columns(_ROWS)
    answered = (randomness.random(_ROWS) < 0.95).astype(np.uint16)
    rtt_us = np.where(answered, randomness.gamma(2.0, 20_000, _ROWS) + 200, -1).astype(np.int32)
    return dataclasses.replace(
        found,
        address=_loopback(randomness.integers(1, NETWORKS + 1, _ROWS), randomness.integers(1, 255, _ROWS)),
        outcome=np.where(answered, ANSWERED, found.outcome[2]).astype(np.uint8),
        received=answered,
        rtt_min_us=rtt_us,
        rtt_avg_us=rtt_us,
        rtt_max_us=rtt_us,
        reply_ttl=np.where(answered, 64, -1).astype(np.int16),
    )


def _paths(randomness: np.random.Generator, number: int) -> Any:
    """Paths whose second half differs: over one of a hundred routers, then over one of `ROUTERS`, to their targets."""
    found = traces.paths(_ROWS, start=number * _ROWS)
    where = found.hop_address.copy()
    # Of a path's four hops the first and the third are routers.
    for hop, many in ((0, 100), (2, ROUTERS)):
        router = randomness.integers(0, many, _ROWS) if hop == 0 else (number * _ROWS + np.arange(_ROWS)) % many
        where[hop :: traces.HOPS] = _loopback(201 + hop + router // 65_536, router % 65_536, digits=16)
    return dataclasses.replace(found, hop_address=where)


def _loopback(second: NDArray[Any], last: NDArray[Any], digits: int = 8) -> NDArray[np.uint8]:
    """Addresses 127.SECOND.0.LAST, or with 16 digits 127.SECOND.LAST."""
    numbers = (0x7F << 24) | (np.asarray(second) << 16) | (last & ((1 << digits) - 1))
    found = np.zeros((len(last), addresses.WIDTH), np.uint8)
    found[:, :12] = np.frombuffer(addresses.MAPPED_PREFIX, np.uint8)
    found[:, 12:] = numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
    return found
