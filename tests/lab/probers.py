"""Every kind of prober that there is, whatever this machine would choose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.engine import Engine as Core
from hoploom.prober.interface import PingColumns, Prober, ProbeSettings
from hoploom.prober.linux_port import LinuxPort
from hoploom.prober.portable_port import PortablePort
from lab.namespace import in_namespace

ALLOW_DATAGRAM = 'sysctl -qw net.ipv4.ping_group_range="0 2147483647"'
"""Shell command without which a namespace allows no datagram sockets."""
SILENT = "sysctl -qw net.ipv4.icmp_echo_ignore_all=1"
"""Shell command after which the kernel answers no echo requests."""
SOON = ProbeSettings(timeout_s=0.2)
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


def block(count: int, start: int = 0x7F050000) -> NDArray[np.uint8]:
    """So many neighbouring addresses, of loopback where nothing else is said."""
    rows = np.zeros((count, 16), np.uint8)
    rows[:, 10:12] = 255
    rows[:, 12:] = (np.arange(count, dtype=np.uint32) + start).astype(">u4").view(np.uint8).reshape(-1, 4)
    return rows


def run(body: Callable[[], Awaitable[Any]], *commands: str) -> Any:
    """Run a coroutine in a namespace that allows every kind of socket, after these shell commands."""
    return in_namespace(body, ALLOW_DATAGRAM, *commands)


def ping(
    engine: Engine, targets: NDArray[np.uint8], settings: ProbeSettings = SOON, *commands: str
) -> tuple[PingColumns, Prober]:
    """Ping there; returns the prober too, for its statistics."""

    async def body() -> tuple[PingColumns, Prober]:
        with engine("") as prober:
            return await prober.ping(targets, settings), prober

    result: tuple[PingColumns, Prober] = run(body, *commands)
    return result
