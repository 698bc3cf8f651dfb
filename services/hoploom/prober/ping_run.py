"""One `ping` under way: what it may send next, where its slots are, when they time out, and what it is told. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hoploom.prober import heard
from hoploom.prober.matching import Answers
from hoploom.prober.pacing import NS, NetworkCap, TokenBucket
from hoploom.prober.probes import Heard, ProbeSettings
from hoploom.prober.tally import Tally
from hoploom.targets.notation import IPV4, IPV6
from hoploom.wire.addresses import WIDTH, is_mapped

_MERGED_NS = 4_000_000
"""Slices that leave within this time become one for the wheel; the last one's time-out is that of all."""
_PATIENCE_NS = 50_000_000
"""The kernel stamps answers: reading many at once, where nobody waits for them, costs a third of reading them soon."""


@dataclass
class Before:
    """What was sent by the pings before, so that the next one keeps its distance.

    Attributes:
        last_ns: When a packet left last; None before the first.
        networks_ns: When one left last to each network, where a cap was kept.
    """

    last_ns: int | None = None
    networks_ns: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Flight:
    """Probes that were sent together and time out together, in neighbouring slots: the wheel's unit.

    Attributes:
        family: Of their slots.
        slot: Number of the first slot.
        size: How many.
        sent_ns: When the first left.
        deadline_ns: When the last times out.
    """

    family: int
    slot: int
    size: int
    sent_ns: int
    deadline_ns: int


class PingRun:
    """The state of one ping.

    Attributes:
        tally: Its books.
        next_probe: The next probe to send; probe p is request p // n to target p % n.
        waiting: Probes that were sent and have no answer yet.
        timeout_ns: Time after which a probe is lost.
        is_paced: Whether a rate or a cap bounds it.
        patience_ns: How long its answers may lie unread while it is sending.
        wheel: What is in flight, the oldest first.
    """

    def __init__(
        self,
        targets: NDArray[np.uint8],
        settings: ProbeSettings,
        now_ns: int,
        before: Before,
        told: Callable[[Heard], None] | None = None,
    ) -> None:
        """Begin with nothing sent.

        Args:
            targets: (n, 16) bytes.
            settings: How to probe them.
            now_ns: Monotonic clock.
            before: What was sent already; kept up to date here.
            told: Whom to tell what becomes of each request.
        """
        self._targets = np.ascontiguousarray(targets, np.uint8).reshape(-1, WIDTH)
        self._is_ipv4 = is_mapped(self._targets)
        self._is_one_family = np.count_nonzero(self._is_ipv4) in (0, len(self._targets))
        self.tally = Tally(len(self._targets), settings.count)
        self.timeout_ns = int(settings.timeout_s * NS)
        self.is_paced = settings.rate_pps is not None or settings.network_pps is not None
        self.patience_ns = 0 if told else _PATIENCE_NS
        self._is_patient = settings.is_patient
        self._interval_ns = int(settings.interval_s * NS)
        self._last_ns = np.zeros(len(self._targets) if settings.count > 1 else 0, np.int64)
        self._before, self._told = before, told
        self._bucket = TokenBucket(settings.rate_pps, now_ns, before.last_ns)
        self._cap = NetworkCap(settings.network_pps, before.networks_ns)
        self._is_capped = settings.network_pps is not None
        self.wheel: deque[Flight] = deque()
        self.next_probe = self.waiting = 0

    @property
    def is_sending(self) -> bool:
        """Whether something is still to be sent, now or later."""
        return self.next_probe < self.tally.probes

    @property
    def is_listening(self) -> bool:
        """Whether anything may still come that is to be heard."""
        return self.waiting > 0 or (self._is_patient and bool(self.wheel))

    @property
    def reached(self) -> int:
        """How many targets, from the first on, have got all their requests."""
        return max(0, self.next_probe - (self.tally.probes - self.tally.targets))

    def destinations(self, probes: NDArray[np.int64]) -> NDArray[np.uint64]:
        """(k, 2): where probes went."""
        return self._targets.view(np.uint64)[self._rows(probes)]

    def _rows(self, probes: NDArray[np.int64]) -> NDArray[np.int64]:
        return probes if self.tally.count == 1 else probes % self.tally.targets

    def span_ns(self, packets: int) -> int:
        """How long so many packets take at the rate; for ever where only networks have one."""
        return self._bucket.span_ns(packets)

    def due(self, now_ns: int, most: int) -> int:
        """How many probes may leave now by rate, interval and network cap: neighbours of one round and one family."""
        count = self._bucket.due(now_ns, min(most, self.tally.probes - self.next_probe))
        if not count:
            return 0
        first = self.next_probe % self.tally.targets
        count = min(count, self.tally.targets - first)
        if not self._is_one_family:
            is_other = self._is_ipv4[first : first + count] != self._is_ipv4[first]
            count = int(is_other.argmax()) if np.count_nonzero(is_other) else count
        while count and now_ns < self._interval_over_ns(self.next_probe + count - 1):
            count //= 2
        return self._cap.due(self._networks(first, count).tolist(), now_ns) if self._is_capped else count

    def next_ns(self) -> int:
        """When the next probe may leave, if none may now."""
        turn_ns = max(self._bucket.next_ns(), self._interval_over_ns(self.next_probe))
        if not self._is_capped:
            return turn_ns
        return max(turn_ns, self._cap.next_ns(int(self._networks(self.next_probe % self.tally.targets, 1)[0])))

    def _interval_over_ns(self, probe: int) -> int:
        return int(self._last_ns[probe % self.tally.targets]) + self._interval_ns if probe >= self.tally.targets else 0

    def _networks(self, first: int, count: int) -> NDArray[np.int64]:
        """A number for the /24 or the /48 of each of some targets of one family."""
        halves = self._targets[first : first + count].view(">u8").astype(np.int64)
        # Negative for IPv6, so that no two networks have one number.
        return halves[:, 1] >> 8 if self._is_ipv4[first] else -(halves[:, 0] >> 16 & 0xFFFF_FFFF_FFFF) - 1

    def upcoming(self, count: int) -> tuple[int, NDArray[np.int64], NDArray[np.uint8]]:
        """Family, numbers and targets of the next probes, as many as are `due`."""
        first = self.next_probe % self.tally.targets
        probes = np.arange(self.next_probe, self.next_probe + count)
        return IPV4 if self._is_ipv4[first] else IPV6, probes, self._targets[first : first + count]

    def sent(self, family: int, slot: int, errors: NDArray[np.int16], sent_ns: NDArray[np.int64]) -> None:
        """The next probes were dealt with.

        Args:
            family: Of their slots.
            slot: Number of the first slot; -1 where they have none, because none of them left.
            errors: (k,) 0, or why the system refused to send it; k may be 0.
            sent_ns: (k,) when.
        """
        count, first = len(errors), self.next_probe % max(self.tally.targets, 1)
        if not count:
            return
        if self.next_probe < self.tally.targets:
            self.tally.begin(first, sent_ns)
        if self.tally.count > 1:
            self._last_ns[first : first + count] = sent_ns
        self.waiting += count
        if np.count_nonzero(errors):
            self._refused(first, errors, int(sent_ns[-1]), has_slots=slot >= 0)
        self.next_probe += count
        self._bucket.spend(count)
        self._before.last_ns = int(sent_ns[-1])
        if slot >= 0:
            self._fly(Flight(family, slot, count, int(sent_ns[0]), self._before.last_ns + self.timeout_ns))

    def _refused(self, first: int, errors: NDArray[np.int16], now_ns: int, *, has_slots: bool) -> None:
        refused = np.flatnonzero(errors)
        self.waiting -= len(refused)
        self.tally.fail(first + refused)
        if self._told is not None:
            reasons = errors[refused] if has_slots else np.zeros(len(refused), np.int16)
            self._told(heard.unsent(self.next_probe + refused, self.tally.targets, now_ns, reasons))

    def _fly(self, new: Flight) -> None:
        last = self.wheel[-1] if self.wheel else None
        is_next = last is not None and (last.family, last.slot + last.size) == (new.family, new.slot)
        if last is not None and is_next and new.sent_ns - last.sent_ns < _MERGED_NS:
            self.wheel[-1] = replace(last, size=last.size + new.size, deadline_ns=new.deadline_ns)
        else:
            self.wheel.append(new)

    def answered(self, answers: Answers) -> None:
        """Answers came."""
        rows, arrivals, some = self._rows(answers.probes), answers.arrivals, answers.rows
        self.waiting -= answers.settled
        if not answers.is_reply:
            types, codes = arrivals.icmp_type[some], arrivals.icmp_code[some]
            self.tally.refuse(rows, types, codes, arrivals.sender[some])
        elif np.count_nonzero(answers.is_first) == len(rows):
            self.tally.reply(rows, answers.rtt_ns, arrivals.ttl[some])
        else:
            first = answers.is_first
            self.tally.reply(rows[first], answers.rtt_ns[first], arrivals.ttl[some][first])
            self.tally.repeat(rows[~first])
        if self._told is not None:
            self._told(heard.answers(answers, self.tally.targets))

    def due_flights(self, now_ns: int) -> Iterator[Flight]:
        """What has timed out."""
        while self.wheel and self.wheel[0].deadline_ns <= now_ns:
            yield self.wheel.popleft()

    def lose(self, probes: NDArray[np.int64], _sent_ns: NDArray[np.int64], now_ns: int) -> None:
        """These had no answer in time."""
        self.waiting -= len(probes)
        if len(probes) and self._told is not None:
            self._told(heard.lost(probes, self.tally.targets, now_ns))
