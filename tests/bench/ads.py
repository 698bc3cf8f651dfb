"""Ads among managers: how many travel in a generation, and what 500 workers cost one manager.

Managers are processes on loopback in a namespace of the run, at one Consul. Against n(n-1) stands what they have passed
on; against the processor time of a manager that of one that only checks as many signatures.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from hoploom import engines
from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.kit.errors import Unavailable
from hoploom.trust.keys import Signer, verify
from hoploom.wire.ads import EVERY_S, MANAGER
from lab.ads_world import AdManagers, LabWorker
from lab.namespace import in_namespace
from waiting import eventually

MANAGERS, SENDERS, GENERATIONS = 8, 20, 5
WORKERS, SECONDS, HERS = 500, 30.0, 2
"""Of the second part: two managers, so that each ad is passed on once too."""

SIGNATURES = 2_000


def measure(scale: float = 1.0) -> list[Figure]:
    """All figures; `scale` is the part of the usual length."""
    consul = engines.ensure(["consul"], report=lambda line: None)["consul"].path
    with tempfile.TemporaryDirectory() as folder:
        flood = in_namespace(lambda: _flood(consul, Path(folder), max(2, round(GENERATIONS * scale))))
    with tempfile.TemporaryDirectory() as folder:
        cost = in_namespace(lambda: _cost(consul, Path(folder), max(10.0, SECONDS * scale)))
    return [*flood, *cost]


async def _flood(consul: Path, folder: Path, generations: int) -> list[Figure]:
    """Ads that are said to one manager, as by workers behind NAT, and such as are said to all at once."""
    found: list[Figure] = []
    with AdManagers(consul, folder, MANAGERS) as world:
        await _acquainted(world, MANAGERS)
        workers = [world.worker(f"pi-{at}") for at in range(SENDERS)]
        for whom, ats in (("one", [0]), ("all", list(range(MANAGERS)))):
            found += await _generations(world, workers, ats, generations, whom)
        await world.http.close()
    return found


async def _generations(
    world: AdManagers, workers: list[LabWorker], ats: list[int], generations: int, whom: str
) -> list[Figure]:
    everybody = range(MANAGERS)
    before, own_before = await world.passed_on(everybody), await world.own_generations(everybody)
    spread_s = [await _spread(world, workers, ats) for _ in range(generations)]
    own = await world.own_generations(everybody) - own_before
    passed_on = await world.passed_on(everybody) - before
    each, bound = passed_on / (SENDERS * generations + own), MANAGERS * (MANAGERS - 1)
    _say(f"to {whom}: {passed_on} ads passed on, {SENDERS * generations} said by workers and {own} by managers")
    anchor = ("n(n-1)", float(bound))
    return [
        at_most(f"copies of an ad among {MANAGERS} managers, said to {whom}", each, "ads", bound, anchor),
        replace(at_most(f"until all know what is said to {whom}", max(spread_s), "s", 5.0), raw=tuple(spread_s)),
    ]


async def _spread(world: AdManagers, workers: list[LabWorker], ats: list[int]) -> float:
    """Seconds until everybody knows what is said now to some."""
    envelopes = [each.next() for each in workers]
    await asyncio.gather(*(world.tell(at, envelopes) for at in ats))
    began_s = time.monotonic()
    wanted = {each.name: (each.boot, each.generation) for each in workers}

    async def know() -> bool:
        return all(wanted.items() <= each.items() for each in await world.all_live(range(MANAGERS)))

    await eventually("the ads everywhere", know, 60)
    return round(time.monotonic() - began_s, 2)


async def _cost(consul: Path, folder: Path, seconds: float) -> list[Figure]:
    """Every worker says its ad to one manager every 15 seconds, in a message of its own."""
    with AdManagers(consul, folder, HERS) as world:
        await _acquainted(world, HERS)
        workers = [world.worker(f"pi-{at}") for at in range(WORKERS)]
        # What is done once for each worker, its credential, is done before.
        await _said_evenly(world, workers, EVERY_S)
        pid = world.processes[0].pid
        idle = await _percent(pid, asyncio.sleep(5))
        busy = await _percent(pid, _said_evenly(world, workers, seconds))
        alive = len(await world.live(1))
        await world.http.close()
    anchor = _signature_percent()
    _say(f"idle {idle:.1f} %, with {WORKERS} workers {busy:.1f} %, signatures alone {anchor:.1f} % of a core")
    return [
        at_least("workers alive by what the other manager has heard", alive, "workers", WORKERS),
        at_most(
            f"{WORKERS} workers' ads, of one manager's core", busy - idle, "%", 10.0,
            ("checking their signatures alone", anchor),
        )
    ]


async def _said_evenly(world: AdManagers, workers: list[LabWorker], seconds: float) -> None:
    pause_s = EVERY_S / len(workers)
    began_s, count = time.monotonic(), 0
    async with asyncio.TaskGroup() as group:
        while time.monotonic() - began_s < seconds:
            group.create_task(_said(world, workers[count % len(workers)]))
            count += 1
            await asyncio.sleep(max(0.0, began_s + count * pause_s - time.monotonic()))


async def _said(world: AdManagers, worker: LabWorker) -> None:
    try:
        await world.say(0, worker)
    except Unavailable as error:
        # As a worker does, which says the next one 15 seconds later.
        _say(f"an ad was not taken: {error}")


async def _percent(pid: int, work: object) -> float:
    """Of a core that a process uses meanwhile."""
    before, began_s = _cpu_s(pid), time.monotonic()
    await work  # type: ignore[misc]
    return 100 * (_cpu_s(pid) - before) / (time.monotonic() - began_s)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _signature_percent() -> float:
    """Of a core, for the signatures of so many workers: one of each every 15 seconds."""
    key, message = Signer.new(), bytes(600)
    signature = key.sign(message)
    began_s = time.process_time()
    for _ in range(SIGNATURES):
        assert verify(key.public, message, signature)
    return 100 * (time.process_time() - began_s) / SIGNATURES * WORKERS / EVERY_S


async def _acquainted(world: AdManagers, count: int) -> None:
    async def know() -> bool:
        return all(len(each) == count for each in await world.all_live(range(count), MANAGER))

    await eventually("managers that know each other", know, 60)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
