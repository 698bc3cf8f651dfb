"""How true round-trip times are at 50,000 probes a second: beside the delay that the hosts keep, and beside fping's.

The hosts are those of `lab.internet.delayed`, in a namespace of their own. Needs root, Linux, fping and a C compiler.
"""

import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.kit.errors import ConfigError
from hoploom.prober.interface import Heard, ProbeSettings, open_prober
from hoploom.prober.probes import REPLY
from lab.internet.delayed import IN_TIME_TTL, DelayedEcho, compiler, delay_us
from lab.namespace import in_namespace

PROBES = 50_000
"""A round."""
ROUNDS = 5
RATE_PPS = 50_000
MOST_MS = 0.1
_HOSTS = 250
_PERIOD_MS = _HOSTS * 1_000 / RATE_PPS
"""fping has no rate: so many hosts, each once in this time."""


class Trial(NamedTuple):
    """What a prober measured.

    Attributes:
        errors_ms: How far each RTT was from the declared delay; of ours, where the host kept it.
        answered: Probes that got an answer.
        rate_pps: Rate at which answers came.
    """

    errors_ms: NDArray[np.float64]
    answered: int
    rate_pps: float

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of the errors."""
        return float(np.percentile(self.errors_ms, 99)) if len(self.errors_ms) else float("inf")


def measure(scale: float = 1.0) -> list[Figure]:
    """Five rounds of that part of 50,000 probes by ours, and as many by fping; of each the best counts.

    Whoever else uses the processor makes a round worse and none better.
    """
    if shutil.which("fping") is None or compiler() is None:
        raise ConfigError("this bench needs fping and a C compiler: install them (`apt-get install fping gcc`)")
    count = max(1_000, round(PROBES * scale))
    ours = [_among_hosts(lambda: _ours(count)) for _ in range(ROUNDS)]
    theirs = [_among_hosts(lambda: _fping(count)) for _ in range(ROUNDS)]
    best, fping = (min(rounds, key=lambda each: each.p99_ms) for rounds in (ours, theirs))
    in_time = len(best.errors_ms) / max(best.answered, 1)
    name, raw = "RTT error at 50,000 probes/s, 99th percentile", tuple(round(each.p99_ms, 4) for each in ours)
    return [
        replace(at_most(name, best.p99_ms, "ms", MOST_MS, ("part of the hosts' answers in time", in_time)), raw=raw),
        at_most(f"{name}, beside fping", best.p99_ms, "ms", fping.p99_ms, ("fping", fping.p99_ms)),
        at_least("probes/s measured at", best.rate_pps, "/s", 0.9 * RATE_PPS, ("fping", fping.rate_pps)),
        at_least("probes answered", best.answered / count, "of 1", 1, ("fping", fping.answered / count)),
    ]


def _among_hosts(body: Callable[[], Awaitable[Trial]]) -> Trial:
    async def among() -> Trial:
        with DelayedEcho():
            return await body()

    return in_namespace(among)


def _targets(count: int) -> NDArray[np.uint8]:
    """Addresses from 10.0.0.0 on."""
    rows = np.zeros((count, 16), np.uint8)
    rows[:, 10:12] = 255
    rows[:, 12:] = (np.arange(count) + (10 << 24)).astype(">u4").view(np.uint8).reshape(-1, 4)
    return rows


async def _ours(count: int) -> Trial:
    targets, bunches = _targets(count), list[Heard]()
    with open_prober() as prober:
        await prober.ping(targets, ProbeSettings(rate_pps=RATE_PPS), heard=bunches.append)
    columns = ("kind", "target", "rtt_ns", "at_ns", "ttl")
    kind, target, rtt_ns, at_ns, ttl = (np.concatenate([getattr(each, name) for each in bunches]) for name in columns)
    is_reply = kind == REPLY
    errors_ms = np.abs(rtt_ns / 1e6 - delay_us(targets)[target] / 1e3)[is_reply & (ttl == IN_TIME_TTL)]
    return Trial(errors_ms, int(is_reply.sum()), is_reply.sum() / (np.ptp(at_ns[is_reply]) / 1e9))


async def _fping(count: int) -> Trial:
    rounds = max(1, count // _HOSTS)
    hosts = ["-g", "198.18.1.1", f"198.18.1.{_HOSTS}"]
    printed = _printed(["fping", "-D", "-i0", f"-c{rounds}", f"-p{_PERIOD_MS:g}", "-t1000", *hosts])
    found = re.findall(r"^\[(\S+)\] \d+\.\d+\.\d+\.(\d+) +: .*bytes, (\S+) ms", printed, re.MULTILINE)
    at_s, last, rtt_ms = np.array(found, np.float64).reshape(-1, 3).T
    addresses = np.zeros((len(last), 16), np.uint8)
    addresses[:, 15] = last
    return Trial(np.abs(rtt_ms - delay_us(addresses) / 1e3), len(last), len(last) / np.ptp(at_s))


def _printed(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
