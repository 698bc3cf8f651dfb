"""The prober's speed, cost and memory on loopback, beside the same loop in C, fping and icmplib, in turns.

Everything runs in a network namespace of its own; all rivals ping addresses of 127.0.0.0/8, each as it is fastest. How
true its round-trip times are says the bench `rtt`, whose figures are repeated here. Needs root, Linux, fping and a C
compiler.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

from bench import rtt
from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.kit.errors import ConfigError
from hoploom.prober.interface import PingColumns, ProbeSettings, open_prober
from lab import rivals
from lab.namespace import in_namespace
from lab.rivals import Pace

PROBES = 1_000_000
ROUNDS = 5
PACED_PPS = 20_000
PACED_S = 5
ICMPLIB_HOSTS = 2_000
ICMPLIB_TASKS = (50, 200, 1_000)
SILENT_S = 2
TIMEOUTS_S = (0.2, 5.0)
IN_FLIGHT = 1_000_000
REST_S = 8.0
MB = 1e6
_ALLOW = 'sysctl -qw net.ipv4.ping_group_range="0 2147483647"'
_SILENT = "sysctl -qw net.ipv4.icmp_echo_ignore_all=1"


def measure(scale: float = 1.0) -> list[Figure]:
    """All figures, with that part of the full number of probes."""
    if shutil.which("fping") is None:
        raise ConfigError("this bench measures beside fping: install it (`apt-get install fping`)")
    probes = max(50_000, round(PROBES * scale))
    rounds = max(1, round(ROUNDS * min(scale, 1)))
    return [*_speeds(probes, rounds), _paced(), *_silent(), _in_flight(), _at_rest(), *rtt.measure(scale)]


def _speeds(probes: int, rounds: int) -> list[Figure]:
    """Rates of all, one after the other in each round; the median counts."""
    ours, c, fping, icmplib = in_namespace(lambda: _in_turns(probes, rounds), _ALLOW)
    return [
        _faster("echo probes/s", ours, c, "the same loop in C", 0.75),
        _faster("echo probes/s, than fping", ours, fping, "fping -i 0 at its best", 1.4),
        _faster("echo probes/s, than icmplib", ours, icmplib, "icmplib.async_multiping at its best", 25),
        at_most(f"of {probes} probes lost", max(each.lost for each in ours), "probes", 0),
    ]


def _faster(name: str, ours: list[Pace], theirs: list[Pace], who: str, times: float) -> Figure:
    rate, other = (statistics.median(each.rate_pps for each in some) for some in (ours, theirs))
    figure = at_least(name, rate, "/s", times * other, (who, other))
    return replace(figure, bound=f">= {times:g} x", raw=tuple(round(each.rate_pps) for each in ours))


async def _in_turns(probes: int, rounds: int) -> tuple[list[Pace], ...]:
    ours, c, fping, icmplib = list[Pace](), list[Pace](), list[Pace](), list[Pace]()
    with rivals.echo_loop() as program:
        for _ in range(rounds):
            c.append(rivals.in_c(program, probes))
            ours.append(await _ours(probes))
            fping.append(rivals.fping())
            ways = [
                await rivals.multiping(ICMPLIB_HOSTS, tasks, privileged=is_raw)
                for tasks in ICMPLIB_TASKS
                for is_raw in (True, False)
            ]
            icmplib.append(max(ways, key=lambda each: each.rate_pps))
    return ours, c, fping, icmplib


async def _ours(probes: int, rate_pps: float | None = None) -> Pace:
    targets = rivals.block(probes)
    with open_prober() as prober:
        before_s, began = time.process_time(), time.perf_counter()
        found = await prober.ping(targets, ProbeSettings(rate_pps=rate_pps))
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - before_s
    return Pace(probes / took_s, int((found.received == 0).sum()), cpu_s / probes * 1e6)


def _paced() -> Figure:
    """CPU at a paced rate; beside it, what the loop in C takes for as many probes at full speed."""

    async def body() -> tuple[Pace, Pace]:
        with rivals.echo_loop() as program:
            return await _ours(PACED_PPS * PACED_S, PACED_PPS), rivals.in_c(program, PACED_PPS * PACED_S)

    ours, c = in_namespace(body)
    share, floor = (each.cpu_us * PACED_PPS / 1e4 for each in (ours, c))
    return at_most(f"CPU at a paced {PACED_PPS} probes/s", share, "% of a core", 10, ("C, for as many", floor))


def _silent() -> list[Figure]:
    """The rate on addresses that do not answer, by timeout."""

    async def ours(timeout_s: float) -> float:
        with open_prober() as prober:
            settings = ProbeSettings(rate_pps=PACED_PPS, timeout_s=timeout_s)
            return _rate_pps(await prober.ping(rivals.block(PACED_PPS * SILENT_S), settings))

    async def body() -> tuple[list[float], float]:
        return [await ours(each) for each in TIMEOUTS_S], (await rivals.silent_multiping(50)).rate_pps

    rates, icmplib = in_namespace(body, _SILENT)
    return [
        at_least(f"silent targets/s, {timeout_s:g} s timeout", rate, "/s", 0.98 * PACED_PPS, ("icmplib", icmplib))
        for timeout_s, rate in zip(TIMEOUTS_S, rates, strict=True)
    ]


def _rate_pps(found: PingColumns) -> float:
    return (len(found) - 1) / float(found.at_us[-1] - found.at_us[0]) * 1e6


def _in_flight() -> Figure:
    """Memory that Python and NumPy hold for a million requests in flight, beyond what they held before."""

    async def body() -> float:
        targets = rivals.block(IN_FLIGHT)
        with open_prober() as prober:
            tracemalloc.start()
            task = asyncio.ensure_future(prober.ping(targets, ProbeSettings(timeout_s=60)))
            while prober.statistics.sent < IN_FLIGHT:  # noqa: ASYNC110 - the prober counts, it does not tell
                await asyncio.sleep(0.01)
            held = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return held / IN_FLIGHT

    return at_most("memory of a target in flight", in_namespace(body, _SILENT), "bytes", 64)


def _at_rest() -> Figure:
    """Resident memory of a worker without work (and without a mesh: it serves on and looks for one)."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = ["unshare", "-n", sys.executable, "-m", "hoploom.ping_service"]
        with Path(folder, "log").open("w", encoding="utf-8") as log:
            worker = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
        try:
            time.sleep(REST_S)
            resident = _resident_bytes(worker.pid)
        finally:
            worker.terminate()
            worker.wait(30)
    return at_most("resident memory of a worker at rest", resident / MB, "MB", 60)


def _resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1_024 * int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
