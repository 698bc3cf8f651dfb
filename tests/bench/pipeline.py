"""A million targets from lease to durable row on one machine: input, worker, Fabio and output in a mesh of the bench's.

Beside it the prober alone, on the same addresses, in the same run: what the way through leases, batches, Fabio and
SQLite costs. Needs Linux; probes loopback only.
"""

import asyncio
import ipaddress
import json
import re
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import apsw
import numpy as np

from hoploom import engines
from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.kit.errors import ConfigError
from hoploom.local.submission import COLLECTING_MB
from hoploom.prober.interface import ProbeSettings, open_prober
from local_cli import Cli
from waiting import until

BLOCK = ipaddress.IPv4Network("127.16.0.0/12")
RUNS = 3
TARGETS_PER_S = 120_000
GROWTH = 1.1
"""How much larger a service may be after the last run than it was after those before: its caches are full by then."""

JOB_MB = {"output": COLLECTING_MB}
"""What the Nomad jobs reserve where it is not 256."""

_MEMORY = re.compile(r"^process_resident_memory_bytes\S* (\S+)$", re.MULTILINE)


def measure(scale: float = 1.0) -> list[Figure]:
    """The figures, with that part of the block."""
    engines.ensure(engines.NAMES, report=lambda line: None)
    shift = max(0, round(np.log2(1 / scale)))
    block = next(BLOCK.subnets(shift))
    alone_s = asyncio.run(_alone_s(block.num_addresses))
    with tempfile.TemporaryDirectory() as folder:
        cli = Cli(Path(folder), "bench")
        try:
            cli.good("up", "--detach", "127.1.0.0/24")
            runs, sizes = [], []
            for _ in range(RUNS):
                runs.append(json.loads(cli.good("map", str(block), "--json", timeout_s=600).splitlines()[-1]))
                until("all of it in the data set", lambda: _is_collected(cli), 300)
                sizes.append(_memory(cli))
            stored = [_stored(cli, each["campaign"]) for each in runs]
        finally:
            cli.run("down", "--purge")
    took_s = min(each["seconds"] for each in runs)
    count = block.num_addresses
    alone = ("the prober alone", count / alone_s)
    raw = tuple(round(count / each["seconds"]) for each in runs)
    most = {name: max(each[name] for each in sizes[:-1]) for name in sizes[0]}
    growth = max(sizes[-1][name] / most[name] for name in most)
    return [
        at_least("targets/s from lease to durable row, best run", count / took_s, "/s", TARGETS_PER_S, alone),
        replace(at_least("targets/s, median", statistics.median(raw), "/s", TARGETS_PER_S, alone), raw=raw),
        at_most(f"of {RUNS} x {count} targets without a row", sum(count - rows for rows, _ in stored), "rows", 0),
        at_most("rows of the same target in a run", sum(rows - different for rows, different in stored), "rows", 0),
        at_most("answered less than probed", sum(count - each["answered"] for each in runs), "targets", 0),
        at_most("memory after the last run", growth, "x", GROWTH, ("at most before, of what grew most", 1.0)),
        *(
            at_most(f"memory of {name}", last / 1e6, "MB", JOB_MB.get(name, 256), ("before", most[name] / 1e6))
            for name, last in sorted(sizes[-1].items())
        ),
    ]


async def _alone_s(count: int) -> float:
    first = int(BLOCK.network_address)
    targets = np.zeros((count, 16), np.uint8)
    targets[:, 10:12] = 255
    targets[:, 12:] = (np.arange(first, first + count).astype(">u4")).view(np.uint8).reshape(-1, 4)
    with open_prober() as prober:
        began = time.perf_counter()
        await prober.ping(targets, ProbeSettings())
        return time.perf_counter() - began


def _is_collected(cli: Cli) -> bool:
    stores = [store for each in cli.status()["collected"] for store in each["stores"]]
    return bool(stores) and not any(store["behind"] for store in stores)


def _memory(cli: Cli) -> dict[str, float]:
    """Resident memory of each service's process, in bytes."""
    found: dict[str, float] = {}
    for each in cli.status()["instances"]:
        with urlopen(f"http://{each['address']}:{each['port']}/metrics", timeout=10) as answer:
            page = answer.read().decode()
        said = _MEMORY.search(page)
        if said is None:
            raise ConfigError("the metrics of a service do not tell its memory: this bench needs Linux")
        found[each["service"]] = float(said[1])
    return found


def _stored(cli: Cli, campaign: str) -> tuple[int, int]:
    """Rows of a campaign in the store, and how many different targets they have."""
    found: list[Any] = [0, 0]
    # Beside a store's files lies what it has added up.
    for path in (cli.root / "data").glob("output-*/*-*.db"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT address) FROM ping_results JOIN batches USING (batch_key) "
            "WHERE batches.campaign = ?",
            (campaign,),
        ).fetchall()[0]
        connection.close()
        found = [a + b for a, b in zip(found, rows, strict=True)]
    return found[0], found[1]
