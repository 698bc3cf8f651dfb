"""How long a role is without a leader, and whether it loses one needlessly: one function a question, seconds out.

Times are from the fault, by the harness's clock, to the next leader's first line in the history, by its own; both are
CLOCK_MONOTONIC of one kernel.
"""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from lab.arena import Arena
from lab.check_leadership import effects_of
from lab.history import Token, read
from lab.process import Process
from waiting import pause, until

STOP_S = 25.0
STOP_EVERY_S = 8.0
"""Trials of a stopped leader run over one another: while one sleeps, its follower is stopped too."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Failover:
    """One change of leader.

    Attributes:
        took_s: Seconds from the fault to the next acquisition.
        before: Token of the old leader.
        after: Token of the new one.
    """

    took_s: float
    before: str
    after: str


def hand_overs(arena: Arena, count: int, report: Report) -> list[Failover]:
    """The leader is asked to end (SIGTERM), and another takes over."""
    return [_one(arena, signal.SIGTERM, report, number, count) for number in range(count)]


def crashes(arena: Arena, count: int, report: Report) -> list[Failover]:
    """The leader is killed (SIGKILL)."""
    return [_one(arena, signal.SIGKILL, report, number, count) for number in range(count)]


def _one(arena: Arena, number: signal.Signals, report: Report, done: int, count: int) -> Failover:
    leader, term = arena.candidates.stand_by(2)
    # The moment in the rounds of renewals, checks and looks should be any.
    pause((done * 0.137) % 1.0)
    began_s = time.monotonic()
    leader.send(number)
    after = arena.candidates.next_after(began_s, 40)
    leader.wait()
    leader.start()
    took = Failover(after.t - began_s, term.token, after.token)
    report(f"{number.name} {done + 1}/{count}: {took.took_s:.3f} s")
    return took


def stops(arena: Arena, count: int, report: Report) -> tuple[list[Failover], int]:
    """The leader is stopped for 25 s and then goes on.

    Returns:
        The takeovers, and how many effects with an old leader's token the resource accepted after it had accepted one
        of its follower.
    """
    found: list[Failover] = []
    asleep: list[tuple[float, Process]] = []
    for number in range(count):
        _wake(arena, asleep, until_s=time.monotonic() + STOP_EVERY_S)
        leader, term = arena.candidates.leader(40)
        began_s = time.monotonic()
        leader.send(signal.SIGSTOP)
        asleep.append((began_s + STOP_S, leader))
        after = arena.candidates.next_after(began_s, 40)
        found.append(Failover(after.t - began_s, term.token, after.token))
        report(f"SIGSTOP {number + 1}/{count}: {found[-1].took_s:.3f} s")
    _wake(arena, asleep, until_s=time.monotonic() + STOP_S + 2)
    arena.harvest()
    return found, _late(arena, found)


def _wake(arena: Arena, asleep: list[tuple[float, Process]], until_s: float) -> None:
    while asleep and asleep[0][0] <= until_s:
        due, candidate = asleep.pop(0)
        pause(due - time.monotonic())
        candidate.send(signal.SIGCONT)
    pause(min(until_s - time.monotonic(), STOP_EVERY_S))


def _late(arena: Arena, found: list[Failover]) -> int:
    events, late = read(arena.history), 0
    for resource in ("sink", "kv"):
        good = sorted((each for each in effects_of(events, resource) if each.accepted), key=lambda each: each.order)
        for one in found:
            old, new = Token.parse(one.before), Token.parse(one.after)
            first = next((each.order for each in good if each.token >= new), None)
            late += sum(each.token == old and first is not None and each.order > first for each in good)
    return late


def terms_lost(arena: Arena, during: Callable[[], None]) -> int:
    """How many acquisitions there are while something is done that should move no role."""
    before = len(arena.candidates.look())
    during()
    return len(arena.candidates.look()) - before


def stalls(arena: Arena, count: int, lasts_s: float, every_s: float) -> None:
    """The leader is stopped for a moment, again and again."""
    for _ in range(count):
        leader, _ = arena.candidates.leader(40)
        leader.send(signal.SIGSTOP)
        pause(lasts_s)
        leader.send(signal.SIGCONT)
        pause(every_s)


def clock_jumps(arena: Arena, hold_s: float) -> None:
    """Every process's wall clock goes a day ahead, back, a day back, and to what it was; each for a while.

    Args:
        arena: The run.
        hold_s: Longer than a few renewals.
    """
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR2, signal.SIGUSR1):
        leader, _ = arena.candidates.leader(40)
        # The leader alone at first, then the others.
        leader.send(number)
        pause(hold_s / 2)
        for each in arena.candidates.all:
            if each is not leader:
                each.send(number)
        pause(hold_s / 2)


def server_kills(arena: Arena, count: int, report: Report) -> tuple[int, list[float]]:
    """Consul's own leader is killed and started again.

    Returns:
        Leaderships lost, and for each kill the longest time between two writes to KV that Consul took, in seconds.
    """
    found: list[float] = []
    before = len(arena.candidates.look())
    for number in range(count):
        arena.cluster.settled()
        arena.candidates.leader(40)
        server = arena.cluster.leader()
        writes = [time.monotonic()]
        server.kill()
        until("writes to KV again", partial(_written, arena, writes), 30, 0.02)
        found.append(max(after - before for before, after in pairwise(writes)))
        server.start()
        # The sessions' own timers begin anew at an election: what is lost, is lost later.
        pause(3)
        report(f"server kill {number + 1}/{count}: no write for {found[-1]:.3f} s")
    return len(arena.candidates.look()) - before, found


def _written(arena: Arena, writes: list[float]) -> bool:
    """One write; says whether there were ten in a row since the longest gap."""
    if arena.write_kv():
        writes.append(time.monotonic())
    return len(writes) > 10

