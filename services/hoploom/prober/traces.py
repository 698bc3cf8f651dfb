"""What a traceroute of many targets is asked and what it answers: settings and columns. Pure; for every engine."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError
from hoploom.prober.probes import MAX_INTERVAL_S, MAX_SIZE_BYTES, MAX_TIMEOUT_S

PROTOCOLS = ("icmp", "udp")
MAX_TTL = 64
"""Twice the longest paths of the internet; a larger one only asks loops."""
MAX_FLOWS = 255
"""As many are counted."""

REACHED, GAP, UNREACHABLE, LOOP, FAILED = range(5)
"""Why the forward probing of a target ended; see `TraceColumns.outcome`."""
OUTCOMES = ("reached", "gap", "unreachable", "loop", "failed")
STOPPED = len(OUTCOMES)
"""Of a path that was under way when its trace was stopped; only who asks for such paths gets it."""


@dataclass(frozen=True, kw_only=True)
class TraceSettings:
    """How the targets of one `trace` are probed.

    Attributes:
        protocol: `icmp` (echo requests) or `udp` (datagrams to high ports).
        first_ttl: The smallest TTL probed, where backward probing ends.
        split_ttl: Where both streams begin when a target's distance is not known.
        max_ttl: The largest TTL probed.
        gap_limit: Silent hops in a row after which forward probing gives a target up.
        attempts: Probes for a hop before it counts as silent; one or two such hops between others get one more.
        interval_s: Least time between two turns of a target; a turn sends one probe in each direction at most.
        timeout_s: Time after which a probe counts as lost.
        size_bytes: Payload behind the ICMP or UDP header; it grows where the cookie or the attribution needs more.
        rate_pps: Packets a second over all targets; None is as fast as it goes.
        network_pps: Packets a second to one /24 or /48; None is no cap.
        flows: Paths that pass an interface before others end at it: what joins behind a balancer is found that way. 6
            show a second way to it with 95 % (of the multipath detection algorithm); 1 saves a fifth of the probes.
        is_whole: Every path is probed from its first hop on, whatever other paths have shown.
        tells_unfinished: A trace that is stopped tells of all targets, also of those that are not done.
    """

    protocol: str = "icmp"
    first_ttl: int = 1
    split_ttl: int = 16
    max_ttl: int = 32
    gap_limit: int = 5
    attempts: int = 1
    interval_s: float = 0.5
    timeout_s: float = 2.0
    size_bytes: int = 32
    rate_pps: float | None = None
    network_pps: float | None = None
    flows: int = 6
    is_whole: bool = False
    tells_unfinished: bool = False

    def __post_init__(self) -> None:
        """Refuse what no engine can do.

        Raises:
            ConfigError: A value is out of its range; all of them are named.
        """
        wrong = [
            text
            for text, good in {
                f"protocol is {' or '.join(PROTOCOLS)}": self.protocol in PROTOCOLS,
                f"1 <= first_ttl <= split_ttl <= max_ttl <= {MAX_TTL}": (
                    1 <= self.first_ttl <= self.split_ttl <= self.max_ttl <= MAX_TTL
                ),
                f"gap_limit is 1 to {MAX_TTL}": 1 <= self.gap_limit <= MAX_TTL,
                f"flows is 1 to {MAX_FLOWS}": 1 <= self.flows <= MAX_FLOWS,
                "attempts is 1 to 10": 1 <= self.attempts <= 10,  # noqa: PLR2004 - more is an attack
                f"interval_s is 0 to {MAX_INTERVAL_S:.0f}": 0 <= self.interval_s <= MAX_INTERVAL_S,
                f"timeout_s is above 0 and at most {MAX_TIMEOUT_S:.0f}": 0 < self.timeout_s <= MAX_TIMEOUT_S,
                f"size_bytes is 0 to {MAX_SIZE_BYTES}": 0 <= self.size_bytes <= MAX_SIZE_BYTES,
                "rate_pps is above 0": self.rate_pps is None or 0 < self.rate_pps < inf,
                "network_pps is above 0": self.network_pps is None or 0 < self.network_pps < inf,
            }.items()
            if not good
        ]
        if wrong:
            raise ConfigError(f"These trace settings cannot be used: {'; '.join(wrong)}.")


@dataclass(frozen=True, eq=False, kw_only=True)
class TraceColumns:
    """Results of one `trace`: a row a target (n), a row a hop (h), a row an MPLS label (m).

    Hops are ordered by target, then by TTL; a TTL that was probed in vain before one that answered has a row without
    address. What answered the probe with the largest TTL, which goes first, has a row of its own far behind the others
    where it was not the target. A path whose backward probing met what is known already begins at `joined_ttl`; the
    rest of it is in other paths. A trace that was stopped has the rows of the first targets, those that were done, or
    of all (`tells_unfinished`).

    Attributes:
        outcome: (n,) uint8: 0 reached (the target itself answered, or an unreachable came from it), 1 given up after a
            gap or at the largest TTL, 2 unreachable said somebody on the way, 3 loop, 4 failed to send, 5 not done.
        sent: (n,) uint16: packets for it that left.
        joined_ttl: (n,) uint8: TTL at which backward probing met a known interface, 0 where it went to the first TTL.
        distance: (n,) uint8: smallest TTL that reached the target, 0 where none or only the largest is known to.
        at_us: (n,) int64: first send, microseconds after `started_monotonic_us`.
        hop_target: (h,) int32: index of its target.
        hop_ttl: (h,) uint8: TTL of the probe.
        hop_address: (h, 16) uint8: who answered, IPv4 mapped; zeros for a silent hop.
        hop_rtt_us: (h,) int32: -1 for a silent hop.
        hop_reply_ttl: (h,) int16: TTL of the answer, -1 where unknown.
        hop_quoted_ttl: (h,) int16: TTL of the quoted probe as it arrived there, -1 where nothing is quoted.
        hop_icmp_type: (h,) int16: -1 for a silent hop.
        hop_icmp_code: (h,) int16: -1 for a silent hop.
        hop_at_us: (h,) int64: when the probe was sent, as `at_us`.
        mpls_hop: (m,) int32: index of the hop that quoted the label.
        mpls_entry: (m,) uint32: label stack entries from the top (RFC 3032: label 20 bits, class 3, bottom 1, TTL 8).
        started_monotonic_us: Monotonic clock when the trace began.
        started_at_us: Wall clock at the same moment, UTC microseconds since 1970.
    """

    outcome: NDArray[np.uint8]
    sent: NDArray[np.uint16]
    joined_ttl: NDArray[np.uint8]
    distance: NDArray[np.uint8]
    at_us: NDArray[np.int64]
    hop_target: NDArray[np.int32]
    hop_ttl: NDArray[np.uint8]
    hop_address: NDArray[np.uint8]
    hop_rtt_us: NDArray[np.int32]
    hop_reply_ttl: NDArray[np.int16]
    hop_quoted_ttl: NDArray[np.int16]
    hop_icmp_type: NDArray[np.int16]
    hop_icmp_code: NDArray[np.int16]
    hop_at_us: NDArray[np.int64]
    mpls_hop: NDArray[np.int32]
    mpls_entry: NDArray[np.uint32]
    started_monotonic_us: int
    started_at_us: int

    def __len__(self) -> int:
        """Number of targets."""
        return len(self.outcome)
