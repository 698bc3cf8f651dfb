"""Options of an ICMP socket that thousands of targets share: buffer, filter, time stamps, error queue, source.

Numbers that Python's `socket` lacks are Linux's (include/uapi); on other systems those options are left out.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

from hoploom.kit.errors import ConfigError
from hoploom.prober.privileges import PING_GROUPS, sysctl
from hoploom.targets.notation import IPV4

IS_LINUX = sys.platform == "linux"
SO_TIMESTAMPNS = 35
IP_RECVERR, IPV6_RECVERR = 11, 25
MSG_ERRQUEUE = 0x2000
TTL_OPTIONS = {4: (socket.IPPROTO_IP, socket.IP_TTL), 6: (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)}
"""Level and kind of the control message that carries a packet's TTL or hop limit, of either direction."""
ERROR_OPTIONS = {4: (socket.IPPROTO_IP, IP_RECVERR), 6: (socket.IPPROTO_IPV6, IPV6_RECVERR)}
DATAGRAM_TRIES = 16
"""With IP_RECVERR a send also reports, once, the error of some earlier packet. Where thousands of errors come in a
second, another one is there by the next try every few times: only what sixteen tries say is this packet's own."""
IDENTS = 256
"""Identifiers of a raw socket: 16,777,216 probes in flight. Each is opened once those before are taken."""
REFUSED = (
    "This process may open neither raw nor datagram ICMP sockets; allow it by: "
    f"{sysctl(*PING_GROUPS)} (or give the interpreter CAP_NET_RAW by setcap)."
)

_SO_RCVBUFFORCE, _SO_BINDTODEVICE, _IP_RECVTTL = 33, 25, 12
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_RECEIVE_BUFFER_BYTES = 64 << 20
"""A fifth of a second of replies at 400,000 a second: the kernel books about 800 bytes for each. Memory is taken only
while they wait."""
_PASSED = (0, 3, 11, 12)
"""Types let through: echo reply, unreachable, time exceeded, parameter problem. Not our own requests on loopback."""
_PASSED6 = (1, 2, 3, 4, 129)
_MTU_OPTIONS = {4: (socket.IPPROTO_IP, 10), 6: (socket.IPPROTO_IPV6, 23)}
"""IP_MTU_DISCOVER and IPV6_MTU_DISCOVER."""
_PMTUDISC_DO = 2
_TOS_OPTIONS = {4: (socket.IPPROTO_IP, socket.IP_TOS), 6: (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)}


def prepare(
    icmp: socket.socket, family: int, source: str | None = None, interface: str | None = None, *, is_raw: bool
) -> tuple[int, ...]:
    """Set all options of a new socket.

    Args:
        icmp: The socket.
        family: 4 or 6.
        source: Address that its packets leave from.
        interface: Name of the interface that they leave by.
        is_raw: Raw, or a datagram socket.

    Returns:
        Identifiers that requests may carry.

    Raises:
        ConfigError: There is no such address or interface here.
        OSError: An option cannot be set.
    """
    icmp.setblocking(False)
    _enlarge_buffer(icmp)
    if IS_LINUX:
        icmp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        _filter(icmp, family) if is_raw else _queue_errors(icmp, family)
    if family != IPV4:
        icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    if source is not None or interface is not None or not is_raw:
        attach(icmp, family, source, interface)
    if not is_raw:
        return (int(icmp.getsockname()[1]),)
    # A random block: containers that share a host's network also share their process numbers.
    first = int.from_bytes(os.urandom(2), "big") // IDENTS * IDENTS
    return tuple(range(first, first + IDENTS))


def attach(any_socket: socket.socket, family: int, source: str | None, interface: str | None) -> None:
    """Bind a socket.

    Args:
        any_socket: The socket.
        family: 4 or 6.
        source: Address that its packets leave from.
        interface: Name of the interface that they leave by.

    Raises:
        ConfigError: There is no such address or interface here.
    """
    if interface is not None:
        _bind_interface(any_socket, interface)
    _bind(any_socket, source or ("" if family == IPV4 else "::"))


def buffer_bytes(icmp: socket.socket) -> int:
    """What the system grants to messages that wait to be read, its own bookkeeping included."""
    return icmp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def set_tos(icmp: socket.socket, family: int, tos: int) -> None:
    """Set the type of service or traffic class of all that is sent from now on."""
    icmp.setsockopt(*_TOS_OPTIONS[family], tos)


def forbid_fragments(descriptor: int, family: int) -> None:
    """Set Don't Fragment on all that a socket sends: what is larger than the path allows is refused instead.

    Args:
        descriptor: The socket's.
        family: 4 or 6.

    Raises:
        ConfigError: The system has no such option.
    """
    level, option = _MTU_OPTIONS[family]
    try:
        with socket.socket(fileno=os.dup(descriptor)) as icmp:
            icmp.setsockopt(level, option, _PMTUDISC_DO)
    except OSError as error:
        raise ConfigError(f"Don't Fragment cannot be set here: {error.strerror or error}.") from error


def _enlarge_buffer(icmp: socket.socket) -> None:
    try:
        icmp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
    except OSError:  # not root, or not Linux: as much as the system's own limit allows
        icmp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)


def _filter(icmp: socket.socket, family: int) -> None:
    """Let only replies and errors through. A set bit blocks the type (linux/icmp.h, RFC 3542 section 3.2)."""
    if family == IPV4:
        blocked = 0xFFFFFFFF & ~sum(1 << kind for kind in _PASSED)
        icmp.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", blocked))
        return
    words = [0xFFFFFFFF] * 8
    for kind in _PASSED6:
        words[kind // 32] &= ~(1 << kind % 32)
    icmp.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))


def _queue_errors(icmp: socket.socket, family: int) -> None:
    """A datagram socket gives ICMP errors by its error queue, and TTLs beside the data."""
    icmp.setsockopt(*ERROR_OPTIONS[family], 1)
    if family == IPV4:
        icmp.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)


def _bind(icmp: socket.socket, source: str) -> None:
    try:
        icmp.bind((source, 0))
    except OSError as error:
        raise ConfigError(f"Nothing can be sent from {source!r}: {error.strerror or error}.") from error


def _bind_interface(icmp: socket.socket, interface: str) -> None:
    try:
        icmp.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, os.fsencode(interface) + b"\0")
    except OSError as error:
        raise ConfigError(f"Nothing can be sent by the interface {interface!r}: {error.strerror or error}.") from error
