"""What hoploom knows of warts: lists, cycles, traceroutes and pings. Pure.

A file of scamper's has a list and the start of a cycle first, then measurements, which name the two by the numbers
that the file gave them, and the end of the cycle last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

COMPLETED, UNREACHABLE, ICMP, LOOP, GAP_LIMIT, ERROR, HOP_LIMIT, STOP_SET = range(1, 9)
"""Why a traceroute ended; 0 where it is not known."""
PING_COMPLETED, PING_ERROR = 1, 2
"""Why a ping ended."""
ICMP_PARIS, UDP_PARIS = 4, 5
"""Methods of a traceroute all of whose packets belong to one flow."""
ICMP_ECHO: Final = 0
"""Method of a ping."""


@dataclass(frozen=True, slots=True)
class List:
    """A list of targets: what the cycles and measurements of a file belong to."""

    list_id: int
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class CycleStart:
    """A pass over a list begins.

    Attributes:
        number: Which pass it is for people; the two ids hold within the file alone.
    """

    cycle_id: int
    list_id: int
    start_s: int
    hostname: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class CycleStop:
    """A pass over a list is over."""

    cycle_id: int
    stop_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """An answer to a probe of a traceroute; TTLs without any have none.

    Attributes:
        address: Empty where the file has none.
        sent_us: When its probe was sent, UTC microseconds since 1970; None in files of early versions.
        quoted_ttl: TTL of the probe as it was quoted; an ICMP error for which none is written is read with 1.
        icmp_type: None for an answer by TCP; so is `icmp_code`.
        attempt: Which probe of its TTL it answers, from 0.
        labels: MPLS label stack entries from the top (RFC 3032).
    """

    ttl: int
    address: str
    rtt_us: int
    reply_ttl: int | None = None
    quoted_ttl: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    labels: tuple[int, ...] = ()
    sent_us: int | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A traceroute.

    Attributes:
        source: Empty where the file has none.
        method: How it probed; `ICMP_PARIS` is one.
        stop_data: With `UNREACHABLE`, the ICMP code.
        probed_hops: The largest TTL that was probed.
        sent: Packets.
    """

    target: str
    start_us: int
    hops: tuple[Hop, ...]
    stop_reason: int
    stop_data: int = 0
    source: str = ""
    method: int = ICMP_PARIS
    first_ttl: int = 1
    probed_hops: int = 0
    sent: int = 0
    list_id: int = 1
    cycle_id: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to a ping.

    Attributes:
        rtt_us: None where it is not known.
        probe: Which of its requests was answered, from 0.
    """

    address: str
    rtt_us: int | None
    probe: int = 0
    reply_ttl: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    sent_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A ping: requests to one target, and what came back."""

    target: str
    start_us: int
    sent: int
    replies: tuple[Reply, ...]
    stop_reason: int = PING_COMPLETED
    source: str = ""
    method: int = ICMP_ECHO
    list_id: int = 1
    cycle_id: int = 1


Record = List | CycleStart | CycleStop | Trace | Ping
