"""One ICMP socket of icmplib's, opened so that thousands of targets can share it, and read to the last byte.

icmplib opens the socket and knows its platforms; what it does with packets is left aside, because it never looks at a
reply's source, knows no TTL, takes 20 bytes for every IP header and stamps in user space. The one module that
imports icmplib. Numbers of socket options that Python's `socket` lacks are Linux's (include/uapi).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

import icmplib

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.prober.packets import DIALECTS, Arrival, parse_ipv4, parse_message, parse_quoted
from hoploom.targets.notation import IPV4, IPV6
from hoploom.wire.addresses import MAPPED_PREFIX, parse

_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_IP_RECVERR, _IP_RECVTTL, _IPV6_RECVERR = 11, 12, 25
_MSG_ERRQUEUE = 0x2000
_IS_LINUX = sys.platform == "linux"
_RECEIVE_BUFFER_BYTES = 16 << 20
"""A quarter of a second of replies at 80,000 a second: the kernel books about 800 bytes for each."""
_DATAGRAM_BYTES = 2_048
"""More than headers, attribution and cookie; what is longer is cut off unread, and no 64 KB are set aside a message."""
_CONTROL_BYTES = 256
_PASSED = (0, 3, 11, 12)
"""Types let through: echo reply, unreachable, time exceeded, parameter problem. Not our own requests on loopback."""
_PASSED6 = (1, 2, 3, 4, 129)
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_ORIGINS = {2: IPV4, 3: IPV6}
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6, and their families."""
IDENTS = 16
"""Identifiers of a raw socket: 1,048,576 probes in flight."""
RETRY_LATER = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.EINTR})
"""The queue is full: the packet may leave a moment later."""
_REFUSED = (
    'This process may open neither raw nor datagram ICMP sockets; allow it by: '
    'sudo sysctl -w net.ipv4.ping_group_range="0 2147483647" (or give the interpreter CAP_NET_RAW by setcap).'
)


class Received(NamedTuple):
    """Something that arrived.

    Attributes:
        arrival: What it says, or None when it is none of ours.
        wall_ns: When the kernel took it in, wall clock, nanoseconds since 1970; 0 where the kernel does not say.
    """

    arrival: Arrival | None
    wall_ns: int


class EchoSocket:
    """A non-blocking ICMP socket of one family.

    Attributes:
        family: 4 or 6.
        is_raw: Raw, or a datagram socket whose identifier the kernel chose.
        idents: Identifiers that requests may carry.
    """

    def __init__(self, family: int, *, is_raw: bool) -> None:
        """Open it.

        Args:
            family: 4 or 6.
            is_raw: Whether to open a raw socket.

        Raises:
            ConfigError: The system does not allow this kind of socket to this process.
            Unavailable: It cannot be opened for another reason, such as a family that is switched off.
        """
        self.family, self.is_raw = family, is_raw
        kind = icmplib.ICMPv4Socket if family == IPV4 else icmplib.ICMPv6Socket
        try:
            self._owner = kind(privileged=is_raw)
        except icmplib.SocketPermissionError as error:
            raise ConfigError(_REFUSED) from error
        except icmplib.ICMPLibError as error:
            raise Unavailable(f"No IPv{family} ICMP socket can be opened: {error}") from error
        self._socket: socket.socket = self._owner.sock
        self._socket.setblocking(False)
        self.idents = self._prepare()

    def _prepare(self) -> tuple[int, ...]:
        """Set the options; return the identifiers."""
        self._enlarge_buffer()
        if _IS_LINUX:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._filter() if self.is_raw else self._queue_errors()
        if self.family == IPV6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        if self.is_raw:
            # A random block: containers that share a host's network also share their process numbers.
            first = int.from_bytes(os.urandom(2), "big") // IDENTS * IDENTS
            return tuple(range(first, first + IDENTS))
        self._socket.bind(("" if self.family == IPV4 else "::", 0))
        return (int(self._socket.getsockname()[1]),)

    def _enlarge_buffer(self) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
        except OSError:  # not root, or not Linux: as much as the system's own limit allows
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)

    def _filter(self) -> None:
        """Let only replies and errors through. A set bit blocks the type (linux/icmp.h, RFC 3542 section 3.2)."""
        if self.family == IPV4:
            blocked = 0xFFFFFFFF & ~sum(1 << kind for kind in _PASSED)
            self._socket.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", blocked))
            return
        words = [0xFFFFFFFF] * 8
        for kind in _PASSED6:
            words[kind // 32] &= ~(1 << kind % 32)
        self._socket.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *words))

    def _queue_errors(self) -> None:
        """A datagram socket gives ICMP errors by its error queue, and TTLs beside the data."""
        if self.family == IPV4:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)

    def fileno(self) -> int:
        """The descriptor to watch for readability."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it; closing twice does no harm."""
        self._owner.close()

    def send(self, packet: memoryview, address: str) -> int:
        """Send an echo request.

        Args:
            packet: ICMP message.
            address: Where to, as text.

        Returns:
            0, or the system's error number.
        """
        number = self._send_once(packet, address)
        if number and not self.is_raw and number not in RETRY_LATER:
            # With IP_RECVERR a send also reports, once, the error of some earlier packet: only a second one is ours.
            number = self._send_once(packet, address)
        return number

    def _send_once(self, packet: memoryview, address: str) -> int:
        try:
            self._socket.sendto(packet, (address, 0))
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def receive(self, cookie_at: int, most: int) -> Iterator[Received]:
        """Read what has arrived, errors too.

        Args:
            cookie_at: Where the cookie stands in a payload.
            most: Messages to read at most.

        Yields:
            Each message in turn, until there is none.
        """
        if _IS_LINUX and not self.is_raw:
            yield from self._receive_errors(cookie_at, most)
        for _ in range(most):
            try:
                data, control, _, address = self._socket.recvmsg(_DATAGRAM_BYTES, _CONTROL_BYTES)
            except BlockingIOError:
                return
            except OSError:
                # The pending error of an earlier packet: its details come by the error queue.
                continue
            wall_ns, ttl = _beside(control)
            if self.is_raw and self.family == IPV4:
                yield Received(parse_ipv4(data, cookie_at), wall_ns)
            else:
                sender = parse(address[0].partition("%")[0])
                yield Received(parse_message(self.family, data, sender, ttl, cookie_at), wall_ns)

    def _receive_errors(self, cookie_at: int, most: int) -> Iterator[Received]:
        for _ in range(most):
            try:
                data, control, _, address = self._socket.recvmsg(_DATAGRAM_BYTES, _CONTROL_BYTES, _MSG_ERRQUEUE)
            except OSError:
                return
            wall_ns, ttl = _beside(control)
            error = _extended_error(control, parse(address[0].partition("%")[0]), ttl)
            if error is not None:
                yield Received(parse_quoted(self.family, data, error.about, cookie_at, error), wall_ns)


def open_any() -> dict[int, EchoSocket]:
    """Open one socket for each family that this machine has, raw where allowed, else datagram.

    Returns:
        Sockets by family; IPv4 is always there.

    Raises:
        ConfigError: Neither kind is allowed; the sentence has the line that allows one.
    """
    try:
        return _open_families(is_raw=True)
    except ConfigError:
        return _open_families(is_raw=False)


def _open_families(*, is_raw: bool) -> dict[int, EchoSocket]:
    sockets = {IPV4: EchoSocket(IPV4, is_raw=is_raw)}
    try:
        sockets[IPV6] = EchoSocket(IPV6, is_raw=is_raw)
    except (ConfigError, Unavailable):  # IPv6 is switched off here: its targets count as failed to send
        pass
    return sockets


def _beside(control: list[tuple[int, int, bytes]]) -> tuple[int, int]:
    """Kernel's time stamp (0: none) and TTL or hop limit (-1: none) out of a message's control data."""
    wall_ns, ttl = 0, -1
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@ll", data)
            wall_ns = seconds * 1_000_000_000 + nanoseconds
        elif (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)):
            ttl = struct.unpack("@i", data)[0]
    return wall_ns, ttl


def _extended_error(control: list[tuple[int, int, bytes]], about: bytes, ttl: int) -> Arrival | None:
    """The ICMP error in a message of the error queue (struct sock_extended_err and the offender's address)."""
    for level, kind, data in control:
        if (level, kind) not in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
            continue
        _, origin, icmp_type, icmp_code, _, _, _ = _EXTENDED_ERROR.unpack_from(data)
        family = _ORIGINS.get(origin)
        if family is None or icmp_type not in DIALECTS[family].errors:
            return None
        offender = data[_EXTENDED_ERROR.size :]
        sender = MAPPED_PREFIX + offender[4:8] if family == IPV4 else offender[8:24]
        return Arrival(icmp_type, icmp_code, 0, 0, about, sender, b"", ttl)
    return None
