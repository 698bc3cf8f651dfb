"""One `ping` under way: what it may send next, where its slots are, and when they time out. Driven by an engine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.pacing import NS, NetworkCap, TokenBucket
from hoploom.prober.packets import Layout
from hoploom.prober.probes import Heard, ProbeSettings
from hoploom.prober.slots import Grant
from hoploom.prober.tally import Tally
from hoploom.wire.addresses import WIDTH, is_mapped

_NETWORK_BYTES = {True: 15, False: 6}
"""Leading bytes that name a network: a /24 of mapped IPv4, a /48 of IPv6."""


@dataclass
class Before:
    """What was sent by the pings before, so that the next one keeps its distance.

    Attributes:
        last_ns: When a packet left last; None before the first.
        networks_ns: When one left last to each network, where a cap was kept.
    """

    last_ns: int | None = None
    networks_ns: dict[int, int] = field(default_factory=dict)


class _Slice(NamedTuple):
    """Probes that were sent together and time out together: the wheel's unit."""

    deadline_ns: int
    probe: int
    family: int
    slot: int
    size: int


class PingRun:
    """The state of one ping.

    Attributes:
        tally: Its books.
        layout: What its payloads hold.
        next_probe: The next probe to send; probe p is request p // n to target p % n.
        timeout_ns: Time after which a probe is lost.
        is_paced: Whether a rate or a cap bounds it.
        all_settled: Set when no probe waits for a reply.
        heard: Whom to tell what became of each request.
    """

    def __init__(
        self,
        targets: NDArray[np.uint8],
        settings: ProbeSettings,
        attribution: bytes,
        now_ns: int,
        before: Before,
    ) -> None:
        """Begin with nothing sent.

        Args:
            targets: (n, 16) bytes.
            settings: How to probe them.
            attribution: What payloads start with.
            now_ns: Monotonic clock.
            before: What was sent already; kept up to date here.
        """
        self._targets = np.ascontiguousarray(targets, np.uint8).reshape(-1, WIDTH)
        self._raw = self._targets.tobytes()
        self._is_ipv4 = is_mapped(self._targets)
        self.tally = Tally(len(self._targets), settings.count)
        self.layout = Layout(attribution, settings.size_bytes)
        self.timeout_ns = int(settings.timeout_s * NS)
        self.is_paced = settings.rate_pps is not None or settings.network_pps is not None
        self._is_patient = settings.is_patient
        self._interval_ns = int(settings.interval_s * NS)
        self._before = before
        self._bucket = TokenBucket(settings.rate_pps, now_ns, before.last_ns)
        self._cap = NetworkCap(settings.network_pps, before.networks_ns)
        self._is_capped = settings.network_pps is not None
        self._wheel: deque[_Slice] = deque()
        self.next_probe = 0
        self.all_settled = asyncio.Event()
        self.heard: Callable[[Heard], None] | None = None

    @property
    def is_listening(self) -> bool:
        """Whether anything may still come that is to be heard."""
        return bool(self.tally.waiting) or (self._is_patient and bool(self._wheel))

    @property
    def reached(self) -> int:
        """How many targets, from the first on, have got all their requests."""
        return max(0, self.next_probe - (self.tally.probes - self.tally.targets))

    def target(self, probe: int) -> bytes:
        """16 bytes: where a probe goes."""
        at = probe % self.tally.targets * WIDTH
        return self._raw[at : at + WIDTH]

    def due(self, now_ns: int, most: int) -> int:
        """How many probes may leave now by rate, interval and network cap."""
        count = self._bucket.due(now_ns, min(most, self.tally.probes - self.next_probe))
        while count and now_ns < self._interval_over_ns(self.next_probe + count - 1):
            count //= 2
        if not self._is_capped:
            return count
        return self._cap.due([self._network(self.next_probe + at) for at in range(count)], now_ns)

    def next_ns(self) -> int:
        """When the next probe may leave, if none may now."""
        return max(
            self._bucket.next_ns(),
            self._interval_over_ns(self.next_probe),
            self._cap.next_ns(self._network(self.next_probe)),
        )

    def _interval_over_ns(self, probe: int) -> int:
        before = probe - self.tally.targets
        return self.tally.sent_ns(before) + self._interval_ns if before >= 0 else 0

    def _network(self, probe: int) -> int:
        target = self.target(probe)
        return int.from_bytes(target[: _NETWORK_BYTES[bool(self._is_ipv4[probe % self.tally.targets])]], "big")

    def rows(self, probe: int, count: int) -> tuple[int, NDArray[np.uint8]]:
        """Family and targets of the next probes: as many of `count` as are neighbours of one round and one family."""
        first = probe % self.tally.targets
        is_ipv4 = self._is_ipv4[first : first + count]
        same = len(is_ipv4) if (is_ipv4 == is_ipv4[0]).all() else int((is_ipv4 != is_ipv4[0]).argmax())
        return 4 if is_ipv4[0] else 6, self._targets[first : first + same]

    def booked(self, family: int, grant: Grant, count: int, now_ns: int) -> None:
        """The next `count` probes are in flight in these slots."""
        if count:
            self._wheel.append(_Slice(now_ns + self.timeout_ns, self.next_probe, family, grant.first, count))

    def sent(self, count: int) -> None:
        """The next `count` probes are dealt with."""
        self.next_probe += count
        self._bucket.spend(count)
        if count:
            self._before.last_ns = self.tally.sent_ns(self.next_probe - 1)

    def next_deadline_ns(self) -> int:
        """When the oldest slice times out."""
        return self._wheel[0].deadline_ns

    def expire(self, now_ns: int) -> Iterator[tuple[int, int, int, list[int]]]:
        """Time out what is due; yields family, first slot, number of slots to release, and the lost probes."""
        while self._wheel and self._wheel[0].deadline_ns <= now_ns:
            due = self._wheel.popleft()
            yield due.family, due.slot, due.size, self.tally.expire(due.probe, due.probe + due.size)

    def close(self) -> list[tuple[int, int, int]]:
        """End it, finished or not; returns family, first slot and number of slots to release."""
        left = [(each.family, each.slot, each.size) for each in self._wheel]
        self._wheel.clear()
        return left
