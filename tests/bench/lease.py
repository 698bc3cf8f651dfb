"""Durable leases for 500 workers with Consul on disk, by one instance and by two; seeking, addresses, memory."""

import asyncio
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np

from hoploom import engines
from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.targets.address_set import AddressSet
from hoploom.targets.keys import sampling_seed
from hoploom.targets.notation import parse_block
from hoploom.targets.permutation import Permutation
from hoploom.targets.sampling import ALL
from hoploom.targets.target_set import Part, TargetSet
from hoploom.wire.campaign_request import MAX_RATE_PPS
from lab.input_instances import TOKEN, InputInstances
from lab.lease_load import Granted, LeaseLoad

WORKERS = 500
PER_S = 550
"""Grants asked for a second, spread evenly: above the bound, so that keeping up shows it."""

SECONDS = 20.0
MILLIONS, MILLION, BILLION = "127.0.0.0/8", "fd00::/108", "fd00::/98"
"""16.8 million, 1.05 million and 1.07 billion targets; nothing is sent to any of them."""

ADDRESSES, LEASE, SEEKS, REPEATS = 4_000_000, 65_536, 200, 5


def measure(scale: float = 1.0) -> list[Figure]:
    """Grants and acknowledgements of 500 workers, then the arithmetic of one.

    Args:
        scale: Part of the usual length.
    """
    consul = engines.ensure(["consul"], report=lambda line: None)["consul"].path
    figures = []
    for count in (1, 2):
        found, _ = _granted(consul, count, MILLIONS, max(5.0, SECONDS * scale))
        figures += _rate(f"{count} instance{'s' if count > 1 else ''}", found)
    return [*figures, *_arithmetic(), *_memory(consul)]


def _granted(consul: Path, count: int, block: str, seconds: float, workers: int = WORKERS) -> tuple[Granted, int]:
    """What came of a load, and the memory of the first instance after it, in KiB."""
    with tempfile.TemporaryDirectory() as folder, InputInstances(consul, Path(folder), count) as inputs:
        _make_campaign(inputs.urls[0], block)
        load = LeaseLoad(inputs.urls, TOKEN, workers, PER_S * workers / WORKERS)
        found = asyncio.run(load.run(seconds))
        _say(f"{count} instances, {block}: {len(found.took_s)} grants, {found.refused} asked again")
        return found, inputs.memory_kib()[0]


def _make_campaign(url: str, block: str) -> None:
    # Only loopback may have no limit.
    rate_pps = 0 if block.startswith("127.") else MAX_RATE_PPS
    campaign = {"v": 1, "id": "bench", "blocks": [block], "allow_private": True, "rate_pps": rate_pps}
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({**campaign, "max_targets": 2**31}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/campaigns", body, headers), timeout=30):
        pass


def _rate(whom: str, found: Granted) -> list[Figure]:
    took_ms = sorted(1000 * each for each in found.took_s)
    p99_ms, anchor = took_ms[int(0.99 * len(took_ms))], ("median", statistics.median(took_ms))
    raw = tuple(round(each, 2) for each in took_ms)
    return [
        at_least(f"durable grants a second, {WORKERS} workers, {whom}", len(took_ms) / found.over_s, "/s", 500),
        replace(at_most(f"a grant by {whom}, p99", p99_ms, "ms", 50, anchor), raw=raw),
    ]


def _set(block: str) -> TargetSet:
    one = parse_block(block)
    return TargetSet(4, sampling_seed("bench"), (Part(ALL, ((one.first, one.last),)),))


def _arithmetic() -> list[Figure]:
    targets = AddressSet(_set(MILLIONS))
    order = Permutation(targets.n, bytes(16))
    rates = []
    for start in range(0, ADDRESSES, LEASE):
        began_s = time.perf_counter()
        targets.take(order.address_indexes(np.arange(start, start + LEASE, dtype=np.int64)))
        rates.append(LEASE / (time.perf_counter() - began_s) / 1e6)
    ends = range(0, targets.n, targets.n // SEEKS)
    return [
        at_least("addresses of a lease of 65,536, median", statistics.median(rates), "million/s", 5),
        at_most("seek to any position, longest of 200", 1000 * max(_seek_s(targets, each) for each in ends), "ms", 1),
    ]


def _seek_s(targets: AddressSet, position: int) -> float:
    """From nothing but the key to the address at a position; the best of a few, as others use the cores too."""
    found = []
    for _ in range(REPEATS):
        began_s = time.perf_counter()
        order = Permutation(targets.n, bytes(16))
        targets.take(order.address_indexes(np.array([position], dtype=np.int64)))
        found.append(time.perf_counter() - began_s)
    return min(found)


def _memory(consul: Path) -> list[Figure]:
    """What an instance has in use after the same load on a million targets and on a thousand times as many."""
    (_, few), (_, many) = (_granted(consul, 1, block, 5.0, workers=50) for block in (MILLION, BILLION))
    return [at_most("memory of an instance, 1.07 billion targets", many / 1024, "MiB", few / 1024 + 5,
                    ("1.05 million", few / 1024))]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
