"""What is known about each target while it is pinged: the book that lines, sums and JSON are written from. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

NONE = -1

REPLY, DUPLICATE, ERROR, TIMEOUT, REFUSED = "reply", "duplicate", "icmp_error", "timeout", "send_error"
"""Kinds of events."""


class Icmp(NamedTuple):
    """An ICMP error: its type, its code, and who sent it."""

    type: int
    code: int
    sender: str


class Event(NamedTuple):
    """Something that happened to a request.

    Attributes:
        kind: One of the kinds above.
        request: Which of its target's requests, from 0.
        at_s: When, in seconds since 1970.
        rtt_ns: Round-trip time of an answer.
        size_bytes: ICMP header and payload of an answer.
        ttl: TTL of an answer, -1 where unknown.
        icmp: The ICMP error.
        reason: Why the system would not send.
        is_last: Whether the target, which was only to answer, is given up.
    """

    kind: str
    request: int
    at_s: float
    rtt_ns: int = NONE
    size_bytes: int = 0
    ttl: int = NONE
    icmp: Icmp | None = None
    reason: str = ""
    is_last: bool = False


@dataclass
class Span:
    """Requests whose fate is known, over the whole run or since the last interim sums.

    Attributes:
        sent: How many: answered, timed out, or refused by the system.
        received: How many were answered.
        total_ns: Their times together.
        least_ns: The smallest, -1 when there is none.
        most_ns: The largest, -1 when there is none.
    """

    sent: int = 0
    received: int = 0
    total_ns: int = 0
    least_ns: int = NONE
    most_ns: int = NONE

    @property
    def mean_ns(self) -> int:
        """The mean time, -1 when there is none."""
        return self.total_ns // self.received if self.received else NONE

    @property
    def loss_percent(self) -> int:
        """Part that was not answered, rounded down as fping does."""
        return (self.sent - self.received) * 100 // self.sent if self.sent else 0

    def answered(self, rtt_ns: int) -> None:
        """A request got its answer."""
        self.sent += 1
        self.received += 1
        self.total_ns += rtt_ns
        self.least_ns = rtt_ns if self.least_ns == NONE else min(self.least_ns, rtt_ns)
        self.most_ns = max(self.most_ns, rtt_ns)


@dataclass
class Host:
    """One target.

    Attributes:
        name: What it is called on screen.
        address: Its address in text.
        target: What the person wrote.
        keeps_times: Whether the time of each request is asked for at the end.
        whole: Requests since the start.
        recent: Requests since the last interim sums.
        rtts_ns: Time of each request, -1 for lost ones.
        duplicates: Answers beyond the first of a request.
        ttl: TTL of the last answer, -1 without one.
        icmp: The last ICMP error; None without one.
        refusal: Why the system would not send; empty if it did.
    """

    name: str
    address: str
    target: str
    keeps_times: bool = False
    whole: Span = field(default_factory=Span)
    recent: Span = field(default_factory=Span)
    rtts_ns: dict[int, int] = field(default_factory=dict)
    duplicates: int = 0
    ttl: int = NONE
    icmp: Icmp | None = None
    refusal: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether it has answered."""
        return self.whole.received > 0

    def note(self, event: Event) -> None:
        """Write an event down."""
        if event.kind == DUPLICATE:
            self.duplicates += 1
        elif event.kind == ERROR:
            self.icmp = event.icmp
        elif event.kind == REPLY:
            self.whole.answered(event.rtt_ns)
            self.recent.answered(event.rtt_ns)
            self.ttl = event.ttl
        else:
            self.whole.sent += 1
            self.recent.sent += 1
            self.refusal = event.reason or self.refusal
        if self.keeps_times and event.kind in (REPLY, TIMEOUT, REFUSED):
            self.rtts_ns[event.request] = event.rtt_ns


@dataclass
class Totals:
    """Counters of the whole run, for `-s`.

    Attributes:
        sent: Requests that were sent, or tried to.
        timeouts: Requests whose time ran out.
        replies: Answers, late ones too.
        other: ICMP errors.
        unknown: Names that were not found.
        all: Requests that count, and their times.
    """

    sent: int = 0
    timeouts: int = 0
    replies: int = 0
    other: int = 0
    unknown: int = 0
    all: Span = field(default_factory=Span)
