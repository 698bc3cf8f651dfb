"""Real kernel routers in a row, each in a namespace of its own; the caller's namespace is the vantage point.

Link n lies between router n - 1 (0 is the vantage point) and router n (the host behind the last one): 198.18.n.1 and
198.18.n.2, 2001:db8:n::1 and ::2. To probes from above a router answers from its upper interface, the one with the 2.

A silent router drops what it itself would send, by a policy rule on the loopback interface; it forwards as before, and
neighbour discovery, which asks no rule, goes on.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Collection, Iterable
from itertools import product
from types import TracebackType
from typing import Self

from lab.namespace import new_namespace

LOOPING, UNREACHABLE, PROHIBITED, DROPPED = _SPECIAL = (104, 105, 106, 107)
"""Numbers of networks, 198.18.N.0/24 and 2001:db8:N::/48, that the last router sends back, says host unreachable or
prohibited about, or drops."""
_ENDS = (("unreachable", UNREACHABLE), ("prohibit", PROHIBITED), ("blackhole", DROPPED))
_MTU = 1500
_NET, _NET_V6 = "198.18", "2001:db8"
_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    # One error a second to each peer would make every second traceroute lose hops.
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
    # A second of duplicate address detection would go by before IPv6 answers.
    "net.ipv6.conf.default.accept_dad=0",
)


class Chain:
    """So many routers and a host behind them, while this is entered as a context inside a namespace of our own.

    Attributes:
        host: Address of the host behind the last router.
        host_v6: Its IPv6 address.
    """

    def __init__(self, count: int = 4, *, silent: Collection[int] = (), narrow: int = 0) -> None:
        """Make nothing yet.

        Args:
            count: How many routers, numbered from 1.
            silent: Those that forward and say nothing.
            narrow: Number of the link with an MTU of 1,280 bytes, IPv6's least; 0: none.
        """
        self._count, self._silent = count, silent
        self._mtu = {narrow: 1280}
        self._spaces: list[int] = []
        self.host, self.host_v6 = f"{_NET}.{count + 1}.2", f"{_NET_V6}:{count + 1}::2"

    def hops(self, *, is_v6: bool = False) -> list[str]:
        """What a traceroute to the host sees; empty text for a silent router."""
        pattern = _NET_V6 + ":{}::2" if is_v6 else _NET + ".{}.2"
        routers = ["" if number in self._silent else pattern.format(number) for number in range(1, self._count + 1)]
        return [*routers, pattern.format(self._count + 1)]

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        # The other links end with their namespaces, a moment later.
        subprocess.run(["ip", "link", "del", "below1"], capture_output=True, check=False)
        for descriptor in self._spaces:
            os.close(descriptor)
        self._spaces.clear()

    def _build(self) -> None:
        last = self._count + 1
        self._spaces += [new_namespace() for _ in range(last)]
        for number in range(1, last + 1):
            subprocess.run([*self._within(number), "sysctl", "-qw", *_SYSCTLS], check=True)
            self._ip(number, self._upper_end(number))
            self._ip(number - 1, self._lower_end(number))
        self._ip(0, _gateways(f"{_NET}.1.2", f"{_NET_V6}:1::2"))
        for number in range(1, last + 1):
            self._ip(number, _gateways(f"{_NET}.{number}.1", f"{_NET_V6}:{number}::1"))
            self._ip(number, self._routes(number))
        # Last: a silent router could not even check that a gateway is there.
        for number, family in product(self._silent, ("-4", "-6")):
            silence = ["ip", family, "rule", "add", "iif", "lo", "blackhole"]
            subprocess.run([*self._within(number), *silence], check=True)

    def _within(self, number: int) -> list[str]:
        """What runs a command at the vantage point (0), on a router, or on the host."""
        return ["nsenter", f"--net={self._path(number)}"] if number else []

    def _path(self, number: int) -> str:
        # The vantage point is the thread's namespace; the process's other threads are in the machine's.
        own = f"task/{threading.get_native_id()}/ns/net"
        return f"/proc/{os.getpid()}/" + (f"fd/{self._spaces[number - 1]}" if number else own)

    def _ip(self, number: int, lines: Iterable[str]) -> None:
        batch = "\n".join(lines)
        subprocess.run([*self._within(number), "ip", "-batch", "-"], input=batch, text=True, check=True)

    def _upper_end(self, link: int) -> list[str]:
        add = f"link add above mtu {self._mtu.get(link, _MTU)} type veth peer name below{link}"
        return [f"{add} netns {self._path(link - 1)}", "link set lo up", *_addressed("above", link, 2)]

    def _lower_end(self, link: int) -> list[str]:
        name = f"below{link}"
        return [f"link set {name} mtu {self._mtu.get(link, _MTU)}", *_addressed(name, link, 1)]

    def _routes(self, number: int) -> list[str]:
        """Downwards; nothing goes down from the host."""
        if number > self._count:
            return []
        below = [*range(number + 2, self._count + 2), *(_SPECIAL if number < self._count else ())]
        via, via_v6 = f"via {_NET}.{number + 1}.2", f"via {_NET_V6}:{number + 1}::2"
        ends = [line for kind, net in _ENDS if number == self._count for line in _both(f"add {kind}", net, "", "")]
        return [*ends, *(line for net in below for line in _both("add", net, via, via_v6))]


def _both(verb: str, net: int, via: str, via_v6: str) -> list[str]:
    """A route of each family."""
    return [f"route {verb} {_NET}.{net}.0/24 {via}", f"route {verb} {_NET_V6}:{net}::/48 {via_v6}"]


def _addressed(name: str, link: int, end: int) -> list[str]:
    return [
        f"addr add {_NET}.{link}.{end}/30 dev {name}",
        f"addr add {_NET_V6}:{link}::{end}/64 dev {name} nodad",
        f"link set {name} up",
    ]


def _gateways(via: str, via_v6: str) -> list[str]:
    return [f"route add default via {via}", f"route add ::/0 via {via_v6}"]

