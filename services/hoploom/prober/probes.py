"""What a prober is asked and what it answers: settings, result columns and counters. Pure; shared by every engine."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError

MAX_COUNT = 65_535
"""The columns `sent` and `received` have 16 bits."""
MAX_TIMEOUT_S = 600.0
"""`wire.batch.MAX_RTT_US`: no reply older than this is believed."""
MAX_INTERVAL_S = 86_400.0
"""A day: clocks in milliseconds of 32 bits hold more than three weeks."""
MAX_SIZE_BYTES = 65_507
"""65,535 of an IPv4 packet less 20 of its header and 8 of ICMP's."""
MAX_BYTE = 255
REPLY, DUPLICATE, ICMP_ERROR, TIMED_OUT, UNSENT = range(5)
"""Kinds of what is heard of a request; see `Heard.kind`."""


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """How every target of one `ping` is probed.

    Attributes:
        count: Echo requests a target, 1 to 65,535.
        interval_s: Least time between two requests to one target.
        timeout_s: Time after which a request counts as lost.
        size_bytes: Payload behind the ICMP header; it grows where the cookie or the attribution needs more.
        rate_pps: Packets a second over all targets; None is as fast as it goes.
        network_pps: Packets a second to one /24 or /48; None is no cap.
        ttl: TTL or hop limit of the requests, 1 to 255; None leaves the system's own.
        tos: Type of service or traffic class of the requests, 0 to 255 (RFC 2474).
        is_patient: Every request's time is waited out, answered or not: further replies, and replies behind an ICMP
            error, are heard then too.
        is_random: The payload behind the cookie is random instead of zeros, against links that compress.
    """

    count: int = 1
    interval_s: float = 1.0
    timeout_s: float = 1.0
    size_bytes: int = 56
    rate_pps: float | None = None
    network_pps: float | None = None
    ttl: int | None = None
    tos: int = 0
    is_patient: bool = False
    is_random: bool = False

    def __post_init__(self) -> None:
        """Refuse what no engine can do.

        Raises:
            ConfigError: A value is out of its range; all of them are named.
        """
        wrong = [
            text
            for text, good in {
                f"count is 1 to {MAX_COUNT}": 1 <= self.count <= MAX_COUNT,
                f"interval_s is 0 to {MAX_INTERVAL_S:.0f}": 0 <= self.interval_s <= MAX_INTERVAL_S,
                f"timeout_s is above 0 and at most {MAX_TIMEOUT_S:.0f}": 0 < self.timeout_s <= MAX_TIMEOUT_S,
                f"size_bytes is 0 to {MAX_SIZE_BYTES}": 0 <= self.size_bytes <= MAX_SIZE_BYTES,
                "rate_pps is above 0": self.rate_pps is None or 0 < self.rate_pps < inf,
                "network_pps is above 0": self.network_pps is None or 0 < self.network_pps < inf,
                f"ttl is 1 to {MAX_BYTE}": self.ttl is None or 1 <= self.ttl <= MAX_BYTE,
                f"tos is 0 to {MAX_BYTE}": 0 <= self.tos <= MAX_BYTE,
            }.items()
            if not good
        ]
        if wrong:
            raise ConfigError(f"These probe settings cannot be used: {'; '.join(wrong)}.")


@dataclass(frozen=True, eq=False, kw_only=True)
class PingColumns:
    """Results of one `ping`, row i about target i; types and meanings are those of `wire.batch.Columns`.

    Attributes:
        outcome: 0 answered, 1 lost, 2 unreachable, 3 failed to send (uint8).
        sent: Echo requests that left (uint16).
        received: Requests that were answered in time (uint16).
        duplicates: Replies beyond the first of a request (uint16).
        rtt_min_us: Smallest round-trip time in microseconds, -1 when there is none (int32).
        rtt_avg_us: Mean, or -1.
        rtt_max_us: Largest, or -1.
        reply_ttl: TTL or hop limit of the last reply, -1 where unknown (int16).
        icmp_type: Type of the last ICMP error, or -1 (int16).
        icmp_code: Its code, or -1 (int16).
        icmp_from: Who sent that error, (n, 16) bytes, IPv4 mapped, zeros when nobody did.
        at_us: First send (or the attempt), microseconds after `started_monotonic_us` (int64).
        started_monotonic_us: Monotonic clock when the ping began.
        started_at_us: Wall clock at the same moment, UTC microseconds since 1970.
    """

    outcome: NDArray[np.uint8]
    sent: NDArray[np.uint16]
    received: NDArray[np.uint16]
    duplicates: NDArray[np.uint16]
    rtt_min_us: NDArray[np.int32]
    rtt_avg_us: NDArray[np.int32]
    rtt_max_us: NDArray[np.int32]
    reply_ttl: NDArray[np.int16]
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    icmp_from: NDArray[np.uint8]
    at_us: NDArray[np.int64]
    started_monotonic_us: int
    started_at_us: int

    def __len__(self) -> int:
        """Number of targets."""
        return len(self.outcome)

    def until(self, end: int) -> PingColumns:
        """The rows before `end`."""
        columns = {each.name: getattr(self, each.name) for each in fields(self)}
        changes: dict[str, Any] = {name: each[:end] for name, each in columns.items() if isinstance(each, np.ndarray)}
        return replace(self, **changes)


@dataclass(frozen=True, eq=False, kw_only=True)
class Heard:
    """What became of requests, row by row, told while a ping runs. The last word on a target has `PingColumns`.

    Attributes:
        kind: (k,) uint8: 0 a reply in time, 1 a further reply, 2 an ICMP error, 3 lost, 4 failed to send.
        target: (k,) int32: row of the target.
        request: (k,) uint16: which of its requests, from 0.
        rtt_ns: (k,) int64: round-trip time of a reply, -1 for all else.
        ttl: (k,) int16: TTL or hop limit of the message, -1 where unknown.
        size_bytes: (k,) int32: payload of a reply, 0 for all else.
        icmp_type: (k,) int16: type of the ICMP error, -1 for all else.
        icmp_code: (k,) int16: its code, or -1.
        sender: (k, 16) uint8: who sent the message, IPv4 mapped; zeros for lost and unsent ones.
        at_ns: (k,) int64: when it came (or was given up), monotonic clock.
        error: (k,) int16: the system's error number where it would not send; 0 for all else, and where there is no
            socket of that family.
    """

    kind: NDArray[np.uint8]
    target: NDArray[np.int32]
    request: NDArray[np.uint16]
    rtt_ns: NDArray[np.int64]
    ttl: NDArray[np.int16]
    size_bytes: NDArray[np.int32]
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    sender: NDArray[np.uint8]
    at_ns: NDArray[np.int64]
    error: NDArray[np.int16]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.kind)


@dataclass
class Statistics:
    """What a prober has counted since it was opened.

    Attributes:
        sent: Echo requests that left.
        received: Requests that were answered in time.
        duplicates: Replies beyond the first of a request.
        errors: ICMP errors about our requests.
        foreign: Replies to a living request that came from (or errors that quote) another address than its target.
        unmatched: Messages with our identifier that no living request explains: late, forged or mangled.
        send_errors: Requests that the system refused to send.
    """

    sent: int = 0
    received: int = 0
    duplicates: int = 0
    errors: int = 0
    foreign: int = 0
    unmatched: int = 0
    send_errors: int = 0
