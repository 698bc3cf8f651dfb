"""How true round-trip times are at 50,000 probes a second: beside the delay that the hosts keep, and beside fping's.

The hosts are those of `lab.internet.delayed`, in a namespace of their own. Needs root, Linux, fping and a C compiler.
"""

import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.kit.errors import ConfigError
from hoploom.prober.interface import Heard, ProbeSettings, open_prober
from hoploom.prober.probes import REPLY
from lab.internet.delayed import DelayedEcho, compiler, delay_us
from lab.namespace import in_namespace

PROBES = 200_000
RATE_PPS = 50_000
MOST_MS = 0.1
_HOSTS = 250
_PERIOD_MS = _HOSTS * 1_000 / RATE_PPS
"""fping has no rate: so many hosts, each once in this time."""


class Errors(NamedTuple):
    """How far each RTT was from the declared delay, ms, and the rate at which replies came."""

    ms: NDArray[np.float64]
    rate_pps: float


def measure(scale: float = 1.0) -> list[Figure]:
    """That part of 200,000 probes by ours, and as many by fping."""
    if shutil.which("fping") is None or compiler() is None:
        raise ConfigError("this bench needs fping and a C compiler: install them (`apt-get install fping gcc`)")
    count = max(1_000, round(PROBES * scale))
    ours, theirs = _among_hosts(lambda: _ours(count)), _among_hosts(lambda: _fping(count))
    return [
        at_most("RTT error at 50,000 probes/s, 99th percentile", _p99(ours), "ms", MOST_MS, ("fping", _p99(theirs))),
        at_least("probes/s at which it was measured", ours.rate_pps, "/s", 0.9 * RATE_PPS, ("fping", theirs.rate_pps)),
        at_least("probes that were answered", len(ours.ms) / count, "of 1", 1, ("fping", len(theirs.ms) / count)),
    ]


def _p99(errors: Errors) -> float:
    return float(np.percentile(errors.ms, 99)) if len(errors.ms) else float("inf")


def _among_hosts(body: Callable[[], Awaitable[Errors]]) -> Errors:
    async def among() -> Errors:
        with DelayedEcho():
            return await body()

    return in_namespace(among)


def _targets(count: int) -> NDArray[np.uint8]:
    """Addresses from 10.0.0.0 on."""
    rows = np.zeros((count, 16), np.uint8)
    rows[:, 10:12] = 255
    rows[:, 12:] = (np.arange(count) + (10 << 24)).astype(">u4").view(np.uint8).reshape(-1, 4)
    return rows


async def _ours(count: int) -> Errors:
    targets, bunches = _targets(count), list[Heard]()
    with open_prober() as prober:
        await prober.ping(targets, ProbeSettings(rate_pps=RATE_PPS), heard=bunches.append)
    replies = [(bunch.target[row], bunch.rtt_ns[row], bunch.at_ns[row]) for bunch, row in map(_replies, bunches)]
    target, rtt_ns, at_ns = (np.concatenate([each[column] for each in replies]) for column in range(3))
    took_s = (at_ns.max() - at_ns.min()) / 1e9
    return Errors(np.abs(rtt_ns / 1e3 - delay_us(targets)[target]) / 1e3, len(target) / took_s)


def _replies(bunch: Heard) -> tuple[Heard, NDArray[np.intp]]:
    return bunch, np.flatnonzero(bunch.kind == REPLY)


async def _fping(count: int) -> Errors:
    rounds = max(1, count // _HOSTS)
    hosts = ["-g", "198.18.1.1", f"198.18.1.{_HOSTS}"]
    printed = _printed(["fping", "-D", "-i0", f"-c{rounds}", f"-p{_PERIOD_MS:g}", "-t1000", *hosts])
    found = re.findall(r"^\[(\S+)\] \d+\.\d+\.\d+\.(\d+) +: .*bytes, (\S+) ms", printed, re.MULTILINE)
    at_s, last, rtt_ms = np.array(found, np.float64).reshape(-1, 3).T
    addresses = np.zeros((len(last), 16), np.uint8)
    addresses[:, 15] = last
    return Errors(np.abs(rtt_ms - delay_us(addresses) / 1e3), len(last) / np.ptp(at_s))


def _printed(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
