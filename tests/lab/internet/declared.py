"""What a topology file declares: interfaces, balancers and prefixes, as they are written down. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

QUOTES = ("whole", "eight", "cut", "long-header", "long-extension")
"""How a router quotes a probe; see `Interface.quote`."""
BALANCED_BY = ("flow", "packet")
SENDERS = ("router", "host")


class DeclarationError(ValueError):
    """A topology cannot be as it was declared."""


@dataclass(frozen=True, kw_only=True)
class Interface:
    """The interface at which a router takes probes in, under whose address it answers.

    Attributes:
        address: IPv4 or IPv6; no two interfaces share one.
        router: Its router's name; interfaces of one router share its rate limit. Empty: a router of its own.
        delay_ms: One way over the link that leads here.
        loss: Part of the packets lost on that link, each way.
        silent: It never answers.
        errors_per_s: ICMP errors a second that its router sends at most (the smallest of its interfaces' counts).
        burst: Errors that its router sends at once after a rest.
        initial_ttl: TTL that its answers start with.
        quote: `whole` (up to 128 bytes), `eight` behind the IP header, `cut` within the IP header, `long-header` (the
            quoted header says to be 60 bytes long) or `long-extension` (an RFC 4884 length far behind the end).
        quoted_destination: What a NAT made of the quoted destination; empty: left as it was.
        labels: MPLS label stack entries quoted in an extension (RFC 4950), from the top.
    """

    address: str
    router: str = ""
    delay_ms: float = 1.0
    loss: float = 0.0
    silent: bool = False
    errors_per_s: float = math.inf
    burst: int = 10
    initial_ttl: int = 255
    quote: str = "whole"
    quoted_destination: str = ""
    labels: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Balancer:
    """Branches of equal length among which packets are spread: a diamond.

    Attributes:
        branches: Names of the interfaces on each branch.
        by: `flow` (addresses, protocol and the first four bytes behind the IP header) or `packet`.
    """

    branches: tuple[tuple[str, ...], ...]
    by: str = "flow"


@dataclass(frozen=True, kw_only=True)
class Unreachable:
    """The ICMP error said about addresses of a prefix where no host answers.

    Attributes:
        code: ICMP or ICMPv6 code.
        type: ICMP or ICMPv6 type; 0 takes destination unreachable of the prefix's family.
        by: `router` (the last one on the way) or `host` (the address itself).
    """

    code: int
    type: int = 0
    by: str = "router"


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """Targets that lie behind one way.

    Attributes:
        prefix: Of any length for IPv4, at most 64 bits for IPv6; no two overlap.
        path: Names of interfaces and balancers from the vantage point on.
        hosts: Part of the addresses where a host answers, chosen by a hash of the address.
        unreachable: What is said of the others; None: nothing.
        loop: So many steps at the end of the way go round for ever; 0: none.
        delay_ms: One way from the last router to the hosts.
        loss: Part of the packets lost between them, each way.
    """

    prefix: str
    path: tuple[str, ...]
    hosts: float = 1.0
    unreachable: Unreachable | None = None
    loop: int = 0
    delay_ms: float = 1.0
    loss: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """A whole topology.

    Attributes:
        interfaces: By name.
        balancers: By name; no name is an interface's too.
        prefixes: In any order.
        loss: Part of all probes that get no answer, whatever they ask.
    """

    interfaces: dict[str, Interface]
    prefixes: tuple[Prefix, ...]
    balancers: dict[str, Balancer] = field(default_factory=dict)
    loss: float = 0.0
