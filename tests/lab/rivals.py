"""Other pingers on the same loopback addresses, to measure beside: a loop in C, fping, icmplib."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import icmplib
import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError
from lab.internet.delayed import compiler

FIRST = 0x7F100000
"""127.16.0.0: where the addresses of all begin."""
FPING_HOSTS, FPING_ROUNDS = 2_000, 30
"""fping is fastest with few hosts and many rounds; beyond 65,535 pings in ten seconds it fails."""
_SOURCE = Path(__file__).with_name("echo_loop.c")


class Pace(NamedTuple):
    """How a pinger did.

    Attributes:
        rate_pps: Probes a second.
        lost: Probes without a reply.
        cpu_us: CPU for a probe, the kernel's share too.
    """

    rate_pps: float
    lost: int
    cpu_us: float


def block(count: int) -> NDArray[np.uint8]:
    """So many loopback addresses, (n, 16) bytes."""
    rows = np.zeros((count, 16), np.uint8)
    rows[:, 10:12] = 255
    rows[:, 12:] = (np.arange(count) + FIRST).astype(">u4").view(np.uint8).reshape(-1, 4)
    return rows


def dotted(count: int) -> list[str]:
    """The first of these addresses as text."""
    return [".".join(map(str, row)) for row in block(count)[:, 12:].tolist()]


@contextmanager
def echo_loop() -> Iterator[Path]:
    """The loop in C, compiled while this is entered.

    Raises:
        ConfigError: There is no C compiler here.
    """
    found = compiler()
    if found is None:
        raise ConfigError("this bench measures beside a loop in C: install a compiler (`apt-get install gcc`)")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "echo_loop")
        subprocess.run([found, "-O2", "-o", program, _SOURCE], check=True)
        yield program


def in_c(program: Path, probes: int) -> Pace:
    """What the loop in C reaches with so many probes."""
    before_s = _children_s()
    words = subprocess.run([program, str(probes)], capture_output=True, text=True, check=True).stdout.split()
    sent, matched, took_ns = map(int, words)
    return Pace(sent / took_ns * 1e9, sent - matched, (_children_s() - before_s) / sent * 1e6)


def fping() -> Pace:
    """What fping reaches at its best, its start and end included."""
    command = ["fping", "-i0", "-p1", f"-c{FPING_ROUNDS}", "-q", *dotted(FPING_HOSTS)]
    before_s, began = _children_s(), time.perf_counter()
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    took_s, probes = time.perf_counter() - began, FPING_HOSTS * FPING_ROUNDS
    answered = sum(int(line.split(" = ")[1].split("/")[1]) for line in told.splitlines() if "xmt/rcv" in line)
    return Pace(probes / took_s, probes - answered, (_children_s() - before_s) / probes * 1e6)


async def multiping(count: int, tasks: int, *, privileged: bool) -> Pace:
    """What icmplib's own pinging of many hosts reaches."""
    before_s, began = time.process_time(), time.perf_counter()
    hosts = await icmplib.async_multiping(dotted(count), count=1, concurrent_tasks=tasks, privileged=privileged)
    took_s = time.perf_counter() - began
    lost = count - sum(host.is_alive for host in hosts)
    return Pace(count / took_s, lost, (time.process_time() - before_s) / count * 1e6)


async def silent_multiping(count: int) -> Pace:
    """What it reaches with its own defaults on addresses that do not answer, one request each."""
    began = time.perf_counter()
    await asyncio.wait_for(icmplib.async_multiping(dotted(count), count=1), 60)
    return Pace(count / (time.perf_counter() - began), count, 0.0)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
