"""How long a role is without a leader after a hand-over, a crash, a stop; and what must not move a role at all.

Three Consul servers with an agent beside them, four candidates on the kit, every effect of a leader fenced. At scale 1
it takes about half an hour.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from hoploom.cli.bench import Figure, at_most
from lab import failover_trials as trials
from lab.arena import Arena
from waiting import pause

CANDIDATES = 4
LOADED_S, STALLS, JUMP_HOLD_S = 600.0, 60, 12.0
SHORT_STALL_S, LONG_STALL_S = 0.4, 2.0


def measure(scale: float) -> list[Figure]:
    """Everything of L1, L2, L4, L5, L6 and L7.

    Args:
        scale: Part of the full number of trials; each is made at least twice.
    """
    with tempfile.TemporaryDirectory() as folder, Arena(Path(folder), CANDIDATES) as arena:
        figures = [
            *_hand_over(arena, _part(200, scale)),
            *_crash(arena, _part(200, scale)),
            *_stop(arena, _part(20, scale)),
            *_busy(arena, scale),
            *_consul(arena, _part(10, scale)),
            at_most("L7 roles moved by wall clocks a day ahead and back",
                    trials.terms_lost(arena, partial(trials.clock_jumps, arena, JUMP_HOLD_S)), "terms", 0),
        ]
        found = arena.verdict()
        _say(str(found))
        return [*figures, at_most("broken promises in the whole history", len(found.findings), "findings", 0)]


def _hand_over(arena: Arena, count: int) -> list[Figure]:
    took = [each.took_s for each in trials.hand_overs(arena, count, _say)]
    return _spread("L1 graceful hand-over", took, p99=0.1)


def _crash(arena: Arena, count: int) -> list[Figure]:
    took = [each.took_s for each in trials.crashes(arena, count, _say)]
    return _spread("L2 kill -9 of the leader", took, p99=2.5, longest=3.5)


def _stop(arena: Arena, count: int) -> list[Figure]:
    found, late = trials.stops(arena, count, _say)
    return [
        *_spread("L4 leader stopped for 25 s", [each.took_s for each in found], longest=3.5),
        at_most("L4 effects of the old token accepted", late, "effects", 0),
    ]


def _busy(arena: Arena, scale: float) -> list[Figure]:
    with _full_load():
        loaded = trials.terms_lost(arena, partial(_watch, LOADED_S * scale))
    short = trials.terms_lost(arena, partial(trials.stalls, arena, _part(STALLS, scale), SHORT_STALL_S, 1.5))
    count = _part(STALLS, scale)
    long = trials.terms_lost(arena, partial(trials.stalls, arena, count, LONG_STALL_S, 8.0))
    seconds = ("seconds at full load", LOADED_S * scale)
    return [
        at_most("L5 roles moved at 100 % processor load", loaded, "terms", 0, seconds),
        at_most(f"L5 roles moved by stalls of {SHORT_STALL_S:g} s", short, "terms", 0, ("stalls", count)),
        # Nothing is promised here: a process that is silent for two seconds may look dead to a check of two.
        at_most(f"L5 roles moved by stalls of {LONG_STALL_S:g} s (stated)", long, "terms", count, ("stalls", count)),
    ]


def _consul(arena: Arena, count: int) -> list[Figure]:
    lost, took = trials.server_kills(arena, count, _say)
    return [
        at_most("L6 roles moved by kill -9 of Consul's leader", lost, "terms", 0, ("kills", count)),
        *_spread("L6 no write to KV", took, p99=3.0),
    ]


def _spread(name: str, took: Sequence[float], p99: float = 0.0, longest: float = 0.0) -> list[Figure]:
    """The median's, the 99th percentile's and the longest's figures, those without a bound left out."""
    anchor = (f"median of {len(took)}", statistics.median(took))
    # The nearest rank: with fewer than a hundred trials it is the longest.
    rank = sorted(took)[min(len(took) - 1, int(0.99 * len(took)))]
    bounds = (("p99", rank, p99), ("longest", max(took), longest))
    return [
        replace(at_most(f"{name}, {which}", value, "s", bound, anchor), raw=tuple(round(each, 4) for each in took))
        for which, value, bound in bounds if bound
    ]


def _part(full: int, scale: float) -> int:
    return max(2, round(full * scale))


def _watch(seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        _say(f"full load: {until_s - time.monotonic():.0f} s left")
        pause(min(20.0, until_s - time.monotonic()))


@contextmanager
def _full_load() -> Iterator[None]:
    """One process a core that only counts."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for each in busy:
            each.kill()
            each.wait()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
