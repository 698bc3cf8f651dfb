"""Tries which ICMP sockets this process may open; each is closed at once, and nothing is sent."""

from __future__ import annotations

import os
import socket

from hoploom.doctor.facts import Sockets
from hoploom.kit.errors import ConfigError
from hoploom.prober import socket_options
from hoploom.prober.interface import open_prober
from hoploom.prober.loopback_namespace import open_sockets

_KINDS = {
    "raw": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "datagram": (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    "raw6": (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
    "datagram6": (socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6),
}


def read_sockets() -> Sockets:
    """What may be opened, and what would probe."""
    refusals = {name: _refusal(name) for name in _KINDS}
    best = next((name for name in ("raw", "datagram") if not refusals[name]), "")
    return Sockets(
        **refusals,
        namespace=_namespace_refusal(),
        engine=_engine() if best else "",
        buffer_bytes=_buffer_bytes(best) if best else 0,
        has_stamps=socket_options.IS_LINUX,
    )


def _refusal(name: str) -> str:
    """Why such a socket cannot be opened, in the system's words; empty where it can."""
    try:
        socket.socket(*_KINDS[name]).close()
    except OSError as error:
        return os.strerror(error.errno or 0)
    return ""


def _namespace_refusal() -> str:
    try:
        for each in open_sockets().values():
            each.close()
    except ConfigError as error:
        return str(error)
    return ""


def _engine() -> str:
    with open_prober() as prober:
        return prober.name


def _buffer_bytes(name: str) -> int:
    """The receive buffer that the prober's sockets get here."""
    with socket.socket(*_KINDS[name]) as icmp:
        socket_options.prepare(icmp, 4, is_raw=name == "raw")
        return socket_options.buffer_bytes(icmp)
