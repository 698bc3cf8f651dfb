"""Who is asked when: fping's order of requests, retries and time-outs. A pure state machine; time comes in.

Requests leave in the order in which they are due, never closer together than the interval. A target of a count is due
again a period after it was due; one that is only to answer is asked again when its time is up, and waits longer.

Source: fping(8), -c, -i, -l, -p, -r, -t and -B.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import NamedTuple

from hoploom.cli.ping.options import Options

NS_PER_MS = 1_000_000
LONGEST_NS = 600_000_000_000
"""What the prober believes at most; see `prober.probes.MAX_TIMEOUT_S`."""
CATCH_UP_NS = 20_000_000
"""A sender that was kept from its turn makes up for so much; more would be a burst."""
_STEPS = 100
"""Enough for any backoff to reach `LONGEST_NS`, and few enough for a float."""


class Turn(NamedTuple):
    """One request to one target.

    Attributes:
        row: Number of the target.
        request: Which of its requests, from 0.
        timeout_ns: How long its answer is waited for.
    """

    row: int
    request: int
    timeout_ns: int


@dataclass(frozen=True)
class Pace:
    """The rules of one run, in nanoseconds.

    Attributes:
        requests: Requests to each target, or attempts at it; None without end.
        is_counting: Whether every request is made, or only until the first answer.
        interval_ns: Least time between two requests.
        period_ns: Time between two to one target.
        timeout_ns: How long the first is waited for.
        backoff: What that is multiplied by with each attempt.
    """

    requests: int | None
    is_counting: bool
    interval_ns: int
    period_ns: int
    timeout_ns: int
    backoff: float

    @classmethod
    def of(cls, options: Options) -> Pace:
        """The rules that a command line sets."""
        return cls(
            requests=options.count if options.is_counting else options.retries + 1,
            is_counting=options.is_counting,
            interval_ns=int(options.interval_ms * NS_PER_MS),
            period_ns=int(options.period_ms * NS_PER_MS),
            timeout_ns=int(options.timeout_ms * NS_PER_MS),
            backoff=1.0 if options.is_counting else options.backoff,
        )

    def timeout_of(self, request: int) -> int:
        """How long an attempt is waited for."""
        return min(int(self.timeout_ns * self.backoff ** min(request, _STEPS)), LONGEST_NS)

    def horizon_ns(self, request: int) -> int:
        """How long an answer to it may still count: of an attempt, until the last one is given up."""
        if self.is_counting or self.requests is None:
            return self.timeout_ns
        return min(sum(self.timeout_of(each) for each in range(request, self.requests)), LONGEST_NS)


class Schedule:
    """Requests that are due, and those that wait for an answer."""

    def __init__(self, targets: int, pace: Pace, now_ns: int) -> None:
        """Every target is due at once, in its order.

        Args:
            targets: Number of targets.
            pace: The rules.
            now_ns: Monotonic clock.
        """
        self._pace = pace
        self._serial = targets
        self._due: list[tuple[int, int, int, int]] = [(now_ns, row, row, 0) for row in range(targets)]
        self._deadlines: list[tuple[int, int, Turn]] = []
        self._waiting: set[tuple[int, int]] = set()
        self._over: set[int] = set()
        self._attempt: dict[int, int] = {}
        self._next_ns = now_ns

    @property
    def is_over(self) -> bool:
        """Whether nothing is due and nothing waits."""
        return not self._due and not self._waiting

    def wake_ns(self) -> int | None:
        """When there is something to do: a request to send, or a time-out; None when there never will be."""
        times = [max(self._due[0][0], self._next_ns)] if self._due else []
        if self._deadlines:
            times.append(self._deadlines[0][0])
        return min(times, default=None)

    def due(self, now_ns: int, most: int, ahead_ns: int = 0) -> list[Turn]:
        """Take the requests that may leave now, or in a moment where only the interval keeps them.

        Args:
            now_ns: Monotonic clock.
            most: How many at most.
            ahead_ns: How long that moment is; whoever takes them keeps the interval then.
        """
        turns: list[Turn] = []
        while self._is_due(now_ns, ahead_ns) and len(turns) < most:
            if turns and not self._fits(turns[-1].request, self._due[0][-1]):
                break
            due_ns, _, row, request = heapq.heappop(self._due)
            if row in self._over:
                continue
            turn = Turn(row, request, self._pace.timeout_of(request))
            turns.append(turn)
            slot_ns = max(self._next_ns, due_ns, now_ns - CATCH_UP_NS)
            self._next_ns = slot_ns + self._pace.interval_ns
            self._wait(turn, max(slot_ns, now_ns))
            if self._pace.is_counting:
                self._again(row, request + 1, due_ns + self._pace.period_ns)
        return turns

    def expired(self, now_ns: int) -> list[Turn]:
        """Take the requests whose time is up; targets that are only to answer are due again at once."""
        lost: list[Turn] = []
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            deadline_ns, _, turn = heapq.heappop(self._deadlines)
            if (turn.row, turn.request) in self._waiting:
                self._waiting.remove((turn.row, turn.request))
                lost.append(turn)
                if not self._pace.is_counting:
                    self._again(turn.row, turn.request + 1, deadline_ns)
                    if self.gives_up(turn):
                        self._over.add(turn.row)
        return lost

    def answered(self, row: int, request: int, rtt_ns: int) -> bool:
        """An answer came.

        Returns:
            Whether it counts: it came in time, and is the one that was waited for.
        """
        if self._pace.is_counting:
            waited = (row, request) in self._waiting
            self._waiting.discard((row, request))
            return waited
        attempt = self._attempt.get(row, 0)
        # A late answer to an earlier attempt counts where the present one would still wait for it.
        if row in self._over or rtt_ns > self._pace.timeout_of(attempt):
            return False
        self._waiting.discard((row, attempt))
        self._over.add(row)
        return True

    def failed(self, row: int, request: int) -> None:
        """The system would not send it; a target that is only to answer is given up."""
        self._waiting.discard((row, request))
        if not self._pace.is_counting:
            self._over.add(row)

    def gives_up(self, turn: Turn) -> bool:
        """Whether a lost request was its target's last."""
        return self._pace.requests is not None and turn.request + 1 >= self._pace.requests

    def _fits(self, request: int, other: int) -> bool:
        """Whether requests may be handed over together: attempts that wait differently would each keep the interval."""
        return request == other or self._pace.is_counting or not self._pace.interval_ns

    def _is_due(self, now_ns: int, ahead_ns: int) -> bool:
        return bool(self._due) and self._due[0][0] <= now_ns and self._next_ns <= now_ns + ahead_ns

    def _wait(self, turn: Turn, now_ns: int) -> None:
        self._waiting.add((turn.row, turn.request))
        self._serial += 1
        heapq.heappush(self._deadlines, (now_ns + turn.timeout_ns, self._serial, turn))

    def _again(self, row: int, request: int, due_ns: int) -> None:
        if self._pace.requests is None or request < self._pace.requests:
            self._attempt[row] = request
            self._serial += 1
            heapq.heappush(self._due, (due_ns, self._serial, row, request))
