"""One `trace` under way: what it may send next, where its slots are, when they time out, and what it is told. Pure.

The machine says what is to be probed; this keeps to the rate and to the cap of networks, and knows probes by numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.matching import Answers
from hoploom.prober.pacing import NS, NetworkCap, TokenBucket
from hoploom.prober.ping_run import Before, Flight
from hoploom.prober.stop_set import StopSet
from hoploom.prober.trace_answers import Answers as Told
from hoploom.prober.trace_answers import Probes, joined
from hoploom.prober.trace_columns import columns
from hoploom.prober.traces import TraceColumns, TraceSettings
from hoploom.prober.tracing import Tracing
from hoploom.targets.notation import IPV4, IPV6
from hoploom.wire.addresses import WIDTH, is_mapped

_TTL_BITS = 6
"""A probe's number is its target's row above these bits, and its TTL less one in them."""
_MOST_QUEUED = 1_024
"""Probes that wait for the cap of their networks before no further ones are taken out of the ring."""
_NS_PER_US = 1_000


class Started(NamedTuple):
    """When a trace began.

    Attributes:
        monotonic_ns: On the monotonic clock.
        wall_ns: On the wall clock, UTC since 1970.
    """

    monotonic_ns: int
    wall_ns: int


class TraceRun:
    """The state of one trace.

    Attributes:
        targets: (n, 16) bytes.
        tracing: The machine.
        timeout_ns: Time after which a probe is lost.
        is_paced: Whether a rate or a cap bounds it.
        patience_ns: How long answers may lie unread: not at all, for they decide what is sent next.
        wheel: What is in flight, the oldest first.
    """

    def __init__(
        self, targets: NDArray[np.uint8], settings: TraceSettings, known: StopSet, started: Started, before: Before
    ) -> None:
        """Begin with nothing sent.

        Args:
            targets: (n, 16) bytes.
            settings: How to probe them.
            known: Interfaces that earlier traces have shown; kept up to date here.
            started: Now.
            before: What was sent already; kept up to date here.
        """
        self.targets = np.ascontiguousarray(targets, np.uint8).reshape(-1, WIDTH)
        self._settings, self._started, self._before = settings, started, before
        self._family = np.where(is_mapped(self.targets), IPV4, IPV6).astype(np.uint8)
        now_ns = started.monotonic_ns
        self.tracing = Tracing(self.targets, settings, known, seed=now_ns, now_ns=now_ns)
        self.timeout_ns = int(settings.timeout_s * NS)
        self.patience_ns = 0
        self.is_paced = settings.rate_pps is not None or settings.network_pps is not None
        self.wheel: deque[Flight] = deque()
        self._heard: list[Told] = []
        self._bucket = TokenBucket(settings.rate_pps, now_ns, before.last_ns)
        self._cap = NetworkCap(settings.network_pps, before.networks_ns)
        self._queues = {family: np.zeros(0, np.int64) for family in (IPV4, IPV6)}
        self._next_family = IPV4

    @property
    def is_sending(self) -> bool:
        """Whether something is still to be sent, now or later."""
        return not self.tracing.is_over

    @property
    def waiting(self) -> int:
        """Probes that were sent and have no answer yet."""
        self._take_in()
        return self.tracing.in_flight - self._queued

    @property
    def is_listening(self) -> bool:
        """Whether an answer is still waited for."""
        return self.waiting > 0

    @property
    def _queued(self) -> int:
        return sum(map(len, self._queues.values()))

    def destinations(self, probes: NDArray[np.int64]) -> NDArray[np.uint64]:
        """(k, 2): where probes went."""
        found: NDArray[np.uint64] = self.targets.view(np.uint64)[probes >> _TTL_BITS]
        return found

    def span_ns(self, packets: int) -> int:
        """How long so many packets take at the rate; for ever where only networks have one."""
        return self._bucket.span_ns(packets)

    def due(self, now_ns: int, most: int) -> int:
        """How many probes of one family may leave now by rate, interval and network cap."""
        room = self._bucket.due(now_ns, most)
        if room > self._queued or (room and self._settings.network_pps and self._queued < _MOST_QUEUED):
            self._put(self.tracing.visit(now_ns, room))
        self._next_family = max(self._queues, key=lambda family: len(self._queues[family]))
        return self._allowed(min(room, len(self._queues[self._next_family])), now_ns)

    def _put(self, probes: Probes) -> None:
        numbers = number_of(probes.target, probes.ttl)
        for family, queue in self._queues.items():
            self._queues[family] = np.append(queue, numbers[self._family[probes.target] == family])

    def _allowed(self, most: int, now_ns: int) -> int:
        """How many of the next family may leave by the cap; they are brought to the front, past those that wait."""
        if self._settings.network_pps is None or not most:
            return most
        queue = self._queues[self._next_family]
        may_leave = np.zeros(len(queue), np.bool_)
        for at, network in enumerate(self._networks(queue)):
            may_leave[at] = most > 0 and self._cap.due([network], now_ns)
            most -= int(may_leave[at])
        self._queues[self._next_family] = np.concatenate((queue[may_leave], queue[~may_leave]))
        return int(np.count_nonzero(may_leave))

    def _networks(self, queue: NDArray[np.int64]) -> list[int]:
        """A number for the /24 or the /48 of each probe's target, all of the next family."""
        halves = self.destinations(queue).byteswap()
        if self._next_family == IPV4:
            return list((halves[:, 1] >> np.uint64(8)).tolist())
        # Negative for IPv6, so that no two networks have one number.
        return [-1 - network for network in (halves[:, 0] >> np.uint64(16)).tolist()]

    def next_ns(self) -> int:
        """When the next probe may leave, or the oldest one times out, if nothing may be sent now.

        What was heard may change that, so it is to be taken in at once.
        """
        if self._heard:
            return 0
        self._next_family = max(self._queues, key=lambda family: len(self._queues[family]))
        queue = self._queues[self._next_family]
        turn_ns = min(map(self._cap.next_ns, self._networks(queue))) if len(queue) else self.tracing.next_ns()
        due_ns = max(self._bucket.next_ns(), turn_ns)
        return min(due_ns, self.wheel[0].deadline_ns) if self.wheel else due_ns

    def upcoming(self, count: int) -> tuple[int, NDArray[np.int64], NDArray[np.uint8]]:
        """Family, numbers and targets of the next probes, as many as are `due`."""
        probes = self._queues[self._next_family][:count]
        return self._next_family, probes, self.targets[probes >> _TTL_BITS]

    def sent(self, family: int, slot: int, errors: NDArray[np.int16], sent_ns: NDArray[np.int64]) -> None:
        """The next probes were dealt with; arguments as of `PingRun.sent`."""
        count = len(errors)
        if not count:
            return
        target, ttl = _split(self._queues[family][:count])
        self._queues[family] = self._queues[family][count:]
        at_us, left = self._since(sent_ns), errors == 0
        self.tracing.sent(target[left], at_us[left])
        if not left.all():
            self.tracing.failed(target[~left], ttl[~left], at_us[~left])
        self._bucket.spend(count)
        self._before.last_ns = int(sent_ns[-1])
        if slot >= 0:
            deadline_ns = self._before.last_ns + self.timeout_ns
            self.wheel.append(Flight(family, slot, count, int(sent_ns[0]), deadline_ns))

    def _since(self, at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Microseconds since the trace began."""
        return (at_ns - self._started.monotonic_ns) // _NS_PER_US

    def answered(self, answers: Answers) -> None:
        """Answers came."""
        arrivals, rows = answers.arrivals, answers.rows
        target, ttl = _split(answers.probes)
        row_of = np.full(len(arrivals), -1, np.int32)
        row_of[rows] = np.arange(len(target))
        mpls_row = row_of[arrivals.mpls_row]
        self._heard.append(
            Told(
                target=target,
                ttl=ttl,
                address=arrivals.sender[rows],
                icmp_type=arrivals.icmp_type[rows],
                icmp_code=arrivals.icmp_code[rows],
                rtt_us=(answers.rtt_ns // _NS_PER_US).astype(np.int32),
                reply_ttl=arrivals.ttl[rows],
                quoted_ttl=arrivals.quoted_ttl[rows],
                at_us=self._since(answers.sent_ns),
                mpls_row=mpls_row[mpls_row >= 0],
                mpls_entry=arrivals.mpls_entry[mpls_row >= 0],
            )
        )

    def _take_in(self) -> None:
        """Tell the machine what was heard: together, because a few answers cost it as much as many."""
        heard, self._heard = self._heard, []
        if heard:
            self.tracing.answered(heard[0] if len(heard) == 1 else joined(heard))

    def due_flights(self, now_ns: int) -> Iterator[Flight]:
        """What has timed out."""
        self._take_in()
        while self.wheel and self.wheel[0].deadline_ns <= now_ns:
            yield self.wheel.popleft()

    def lose(self, probes: NDArray[np.int64], sent_ns: NDArray[np.int64], now_ns: int) -> None:
        """These had no answer in time."""
        target, ttl = _split(probes)
        self.tracing.lost(target, ttl, self._since(sent_ns))

    def columns(self) -> TraceColumns:
        """The results of the first targets, those whose paths are done; of all where that is asked for."""
        self._take_in()
        monotonic_us, wall_us = (each // _NS_PER_US for each in self._started)
        return columns(self.tracing.paths, self.tracing.log, self._settings, monotonic_us, wall_us)


def _split(probes: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Rows of the targets and TTLs of probes by their numbers."""
    return (probes >> _TTL_BITS).astype(np.int32), ttls(probes)


def number_of(target: NDArray[np.integer[Any]], ttl: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The numbers of probes by the rows of their targets and their TTLs."""
    numbers: NDArray[np.int64] = (target.astype(np.int64) << _TTL_BITS) + ttl - 1
    return numbers


def ttls(probes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The TTLs of probes by their numbers."""
    return ((probes & ((1 << _TTL_BITS) - 1)) + 1).astype(np.uint8)
