"""Every kind of prober that there is, whatever this machine would choose."""

from __future__ import annotations

from collections.abc import Callable

from hoploom.prober.engine import Engine as Core
from hoploom.prober.interface import Prober
from hoploom.prober.linux_port import LinuxPort
from hoploom.prober.portable_port import PortablePort

ALLOW_DATAGRAM = 'sysctl -qw net.ipv4.ping_group_range="0 2147483647"'
"""Shell command without which a namespace allows no datagram sockets."""
Engine = Callable[[str], Prober]


def engine_of(kind: type[LinuxPort] | type[PortablePort], *, is_raw: bool) -> Engine:
    def opened(attribution: str = "") -> Prober:
        return Core("tested", {family: kind(family, is_raw=is_raw) for family in (4, 6)}, attribution)

    return opened


ENGINES = {
    f"{name} {'raw' if is_raw else 'datagram'}": engine_of(kind, is_raw=is_raw)
    for name, kind in (("linux", LinuxPort), ("portable", PortablePort))
    for is_raw in (True, False)
}
"""What opens each, given the attribution."""
