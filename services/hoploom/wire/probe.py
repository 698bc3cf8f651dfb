"""How a campaign probes one target: by echo requests, or by a traceroute. Pure.

Fields that a kind does not have are refused, so that no wish is passed over, and do not travel: a ping looks as it did
before there were traceroutes, and whoever knows no traceroutes reads no campaign of them as one of pings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from hoploom.wire.fields import Fields

PING, TRACE = "ping", "trace"
KINDS: Final = (PING, TRACE)
UDP_TRACE = "udp-trace"
SKILLS: Final = (PING, TRACE, UDP_TRACE)
"""What workers may be able to do; see `Probe.skill`."""
_KIND = re.compile("|".join(KINDS))
_PROTOCOL = re.compile("icmp|udp")
TRACE_PACKETS: Final = 10
"""Packets a traceroute takes, as an estimate for rates and times. FlashRoute's scheme sends 7 to 9 to one of many /24s,
because most of a path is known from others (Huang et al. 2020); a path alone takes as many as it has hops, some 15."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How one target is probed.

    Attributes:
        kind: `ping` or `trace`.
        count: Echo requests a target; of a trace, packets to a hop before it counts as silent.
        interval_ms: Least time between two packets to one target.
        timeout_ms: Time after which a packet counts as lost.
        size_bytes: Payload behind the ICMP or UDP header.
        protocol: Of a trace: `icmp` (echo requests) or `udp` (datagrams to high ports).
        max_ttl: Of a trace: the largest TTL.
        gap_limit: Of a trace: silent hops in a row after which a path is given up.
    """

    kind: str = PING
    count: int = 1
    interval_ms: int = 1000
    timeout_ms: int = 1000
    size_bytes: int = 56
    protocol: str = "icmp"
    max_ttl: int = 32
    gap_limit: int = 5

    @property
    def packets_per_target(self) -> int:
        """Packets to one target, from which follow sizes of leases, times and rates; for a trace an estimate."""
        return self.count * (TRACE_PACKETS if self.kind == TRACE else 1)

    @property
    def skill(self) -> str:
        """What a worker has to be able to do for it; sockets that need no privilege send no UDP of every TTL."""
        return UDP_TRACE if self.kind == TRACE and self.protocol == "udp" else self.kind

    @staticmethod
    def from_json(document: object) -> Probe:
        """Read and check; absent fields take the defaults of the kind.

        Raises:
            BadRequest: A field is of the wrong type.
            Unprocessable: A field is out of bounds, or the kind has no such field.
        """
        known = Fields(document, "probe", versioned=False)
        kind = known.text("kind", _KIND, PING)
        usual, bounds = DEFAULTS[kind], _BOUNDS[kind]
        known.only(("kind", *bounds, *(("protocol",) if kind == TRACE else ())))
        found = {name: known.integer(name, allowed, getattr(usual, name)) for name, allowed in bounds.items()}
        protocol = known.text("protocol", _PROTOCOL, usual.protocol)
        return Probe(kind=kind, protocol=protocol, **found)

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        if self.kind == TRACE:
            return asdict(self)
        return {name: getattr(self, name) for name in _BOUNDS[PING]}


DEFAULTS: Final[Mapping[str, Probe]] = {
    PING: Probe(),
    TRACE: Probe(kind=TRACE, interval_ms=500, timeout_ms=2000, size_bytes=32),
}
"""What holds where nothing is said. Routers answer later than hosts, and their answers quote little."""

# 16 requests tell a loss rate of 6 %; 10 ms keeps below what hosts limit; 1,472 bytes fill an Ethernet frame, and 16
# are needed for the cookie that replies are matched by.
_PING_BOUNDS: Final = {
    "count": range(1, 17),
    "interval_ms": range(10, 60_001),
    "timeout_ms": range(10, 60_001),
    "size_bytes": range(16, 1473),
}
_BOUNDS: Final[Mapping[str, Mapping[str, range]]] = {
    PING: _PING_BOUNDS,
    # Twice the longest paths of the internet, and no attack on a hop.
    TRACE: {**_PING_BOUNDS, "count": range(1, 11), "max_ttl": range(1, 65), "gap_limit": range(1, 65)},
}
