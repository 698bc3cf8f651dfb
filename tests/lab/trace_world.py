"""Drives the machine of a trace through an internet under a virtual clock: no sockets, no waiting."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.pacing import NS
from hoploom.prober.stop_set import StopSet
from hoploom.prober.trace_answers import Answers, Probes
from hoploom.prober.trace_columns import columns
from hoploom.prober.traces import TraceColumns, TraceSettings
from hoploom.prober.tracing import Tracing

STEP_NS = NS // 500
"""How often the driver sends, and looks for answers."""
UNPACED_PPS = 1_000_000.0


class Reply(NamedTuple):
    """An answer to one probe; see `tracing.Answers`."""

    delay_ns: int
    address: bytes
    icmp_type: int
    icmp_code: int
    reply_ttl: int = 64
    quoted_ttl: int = -1
    labels: tuple[int, ...] = ()


class Arrival(NamedTuple):
    """An answer on its way; ordered by the time when it comes."""

    at_ns: int
    number: int
    target: int
    ttl: int
    sent_ns: int
    reply: Reply


World = Callable[[NDArray[np.int32], NDArray[np.uint8]], Sequence[Sequence[Reply]]]
"""What comes back for probes, given their targets' rows and their TTLs: for each any number of answers."""


class Drive:
    """A trace from its first probe to its last answer.

    Attributes:
        tracing: The machine.
        sent: Target and TTL of every probe that left.
        now_ns: The virtual clock.
    """

    def __init__(
        self, targets: NDArray[np.uint8], settings: TraceSettings, world: World, known: StopSet | None = None
    ) -> None:
        """Begin at time zero."""
        self.tracing = Tracing(targets, settings, StopSet() if known is None else known, seed=7, now_ns=0)
        self.sent: list[tuple[int, int]] = []
        self.now_ns = 0
        self._settings, self._world = settings, world
        self._arriving: list[Arrival] = []
        self._deadlines: deque[tuple[int, int, int, int]] = deque()
        self._numbers = count()

    def run(self) -> TraceColumns:
        """Until every path is done."""
        credit, rate = 0.0, self._settings.rate_pps or UNPACED_PPS
        while not self.tracing.is_over:
            credit = min(credit, 1.0) + rate * STEP_NS / NS
            sent = self._send(self.tracing.visit(self.now_ns, int(credit)))
            credit -= sent
            self.now_ns = self.now_ns + STEP_NS if sent or credit < 1 else self._next_ns()
            self._hear()
            self._expire()
        return columns(self.tracing.paths, self.tracing.log, self._settings, 0, 0)

    def _send(self, probes: Probes) -> int:
        timeout_ns, sent_us = int(self._settings.timeout_s * NS), self.now_ns // 1000
        self.tracing.sent(probes.target, np.full(len(probes.target), sent_us))
        pairs = list(zip(probes.target.tolist(), probes.ttl.tolist(), strict=True))
        for (target, ttl), replies in zip(pairs, self._world(*probes) if pairs else (), strict=True):
            self._deadlines.append((self.now_ns + timeout_ns, target, ttl, sent_us))
            for each in replies:
                arrival = Arrival(self.now_ns + each.delay_ns, next(self._numbers), target, ttl, self.now_ns, each)
                heapq.heappush(self._arriving, arrival)
        self.sent += pairs
        return len(pairs)

    def _next_ns(self) -> int:
        """When something may happen, if nothing did just now."""
        times = [self.tracing.next_ns()]
        times += [int(queue[0][0]) for queue in (self._arriving, self._deadlines) if queue]
        return max(self.now_ns + STEP_NS, min(times))

    def _hear(self) -> None:
        heard = []
        while self._arriving and self._arriving[0].at_ns <= self.now_ns:
            heard.append(heapq.heappop(self._arriving))
        if heard:
            self.tracing.answered(answers(heard))

    def _expire(self) -> None:
        due = []
        while self._deadlines and self._deadlines[0][0] <= self.now_ns:
            due.append(self._deadlines.popleft()[1:])
        if not due:
            return
        target, ttl, sent_us = np.array(due, np.int64).reshape(-1, 3).T
        self.tracing.lost(target.astype(np.int32), ttl.astype(np.uint8), sent_us)


def answers(heard: list[Arrival]) -> Answers:
    """What arrived as the machine is told of it."""
    replies = [each.reply for each in heard]
    labels = [(row, label) for row, each in enumerate(replies) for label in each.labels]
    return Answers(
        target=np.array([each.target for each in heard], np.int32),
        ttl=np.array([each.ttl for each in heard], np.uint8),
        address=np.frombuffer(b"".join(each.address for each in replies), np.uint8).reshape(-1, 16),
        icmp_type=np.array([each.icmp_type for each in replies], np.int16),
        icmp_code=np.array([each.icmp_code for each in replies], np.int16),
        rtt_us=np.array([(each.at_ns - each.sent_ns) // 1000 for each in heard], np.int32),
        reply_ttl=np.array([each.reply_ttl for each in replies], np.int16),
        quoted_ttl=np.array([each.quoted_ttl for each in replies], np.int16),
        at_us=np.array([each.sent_ns // 1000 for each in heard], np.int64),
        mpls_row=np.array([row for row, _ in labels], np.int32),
        mpls_entry=np.array([label for _, label in labels], np.uint32),
    )
