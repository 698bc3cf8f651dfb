"""Traceroutes of 10,000 /24s on the lab's own internet, by our prober and by scamper: what each costs and finds.

Every run has a namespace and an internet of its own, drawn from the same seed; both mappers get the same targets in the
same order, may send at the same rate, and wait equally long for an answer. Needs root, Linux and scamper.
"""

import shutil
import time
from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.kit.errors import ConfigError
from hoploom.prober.interface import open_prober
from hoploom.prober.traces import TraceSettings
from lab.internet import scamper
from lab.internet.score import Map, Score, score
from lab.internet.tun import Internet
from lab.namespace import in_namespace

PREFIXES = 10_000
SEED = 1
RATE_PPS = scamper.MAX_PPS
TIMEOUT_S = 2.0
GAP_LIMIT = 5
LOSS = 0.02
Mapper = Callable[[NDArray[np.uint8]], Awaitable[tuple[Map, float]]]


def measure(scale: float = 1.0) -> list[Figure]:
    """Trace that part of 10,000 /24s four times: by ours and by scamper, without loss and with 2 %."""
    if shutil.which("scamper") is None:
        raise ConfigError("scamper is what this bench measures beside: install it (`apt-get install scamper`)")
    count = max(100, round(PREFIXES * scale))
    return [figure for loss in (0.0, LOSS) for figure in _beside(count, loss)]


def _beside(count: int, loss: float) -> list[Figure]:
    ours, our_s = _scored(count, loss, _ours)
    theirs, their_s = _scored(count, loss, _scamper)
    at, share = f"at {loss:.0%} loss", 0.9 if loss else 0.95
    beside = ("scamper", theirs.probes)
    return [
        at_most(f"probes a target {at}", ours.probes, "probes", 10, beside),
        at_most(f"probes a target {at}, than scamper", ours.probes, "probes", round(theirs.probes, 2), beside),
        at_least(f"share of the true interfaces {at}", ours.share, "of 1", share, ("scamper", theirs.share)),
        at_least(
            f"true interfaces {at}", ours.interfaces, "interfaces", theirs.interfaces, ("scamper", theirs.interfaces)
        ),
        at_most(f"false links {at}", len(ours.false_links), "links", 0, ("scamper", len(theirs.false_links))),
        at_most(f"invented interfaces {at}", ours.invented, "interfaces", 0, ("scamper", theirs.invented)),
        at_most(f"wall time {at}", our_s, "s", round(their_s, 2), ("scamper", their_s)),
    ]


def _scored(count: int, loss: float, mapper: Mapper) -> tuple[Score, float]:
    """What a mapper achieves on an internet of its own, and the seconds that it takes."""
    targets = _targets(count)

    async def body() -> tuple[Internet, Map, float]:
        with Internet(f"loss = {loss}\n[generated]\nseed = {SEED}\nprefixes = {count}\n") as internet:
            return internet, *await mapper(targets)

    internet, found, took_s = in_namespace(body)
    return score(internet.truth(), internet.seen, found), took_s


def _targets(count: int) -> NDArray[np.uint8]:
    """An address in each /24 from 10.0.0.0 on, shuffled."""
    random = np.random.default_rng(SEED)
    numbers = (10 << 24) + 256 * random.permutation(count) + random.integers(1, 255, count)
    rows = np.zeros((count, 16), np.uint8)
    rows[:, 10:12] = 255
    rows[:, 12:] = numbers.astype(">u4").view(np.uint8).reshape(-1, 4)
    return rows


async def _ours(targets: NDArray[np.uint8]) -> tuple[Map, float]:
    began = time.monotonic()
    settings = TraceSettings(rate_pps=RATE_PPS, timeout_s=TIMEOUT_S, gap_limit=GAP_LIMIT)
    with open_prober() as prober:
        found = await prober.trace(targets, settings)
    return Map(targets, found.hop_target, found.hop_ttl, found.hop_address), time.monotonic() - began


async def _scamper(targets: NDArray[np.uint8]) -> tuple[Map, float]:
    return scamper.trace(targets, f"-P icmp-paris -q 1 -w {TIMEOUT_S:.0f} -g {GAP_LIMIT}", RATE_PPS)
