"""The port for every system: one of icmplib's sockets, packet by packet.

icmplib opens the socket and knows its platforms; what it does with packets is left aside, because it never looks at a
reply's source, knows no TTL, takes 20 bytes for every IP header and stamps in user space. The one module that
imports icmplib.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from typing import Any, NamedTuple

import icmplib
import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.prober import socket_options
from hoploom.prober.clocks import wall_less_monotonic_ns
from hoploom.prober.port import OWN, RETRY_LATER, Emitted, Messages, NotAllowed
from hoploom.prober.socket_options import ERROR_OPTIONS, IS_LINUX, MSG_ERRQUEUE, SO_TIMESTAMPNS, TTL_OPTIONS
from hoploom.targets.notation import IPV4
from hoploom.wire.addresses import MAPPED_PREFIX, NONE, WIDTH, text

BATCH = 64
DATA_BYTES = 2_048
"""As `mmsg.DATA_BYTES`."""
_CONTROL_BYTES = 256
_TIME, _INT = struct.Struct("@ll"), struct.Struct("@i")
_ERROR = struct.Struct("=IBBBBII")
"""struct sock_extended_err; the sender's address stands behind it."""
_ORIGINS = {4: 2, 6: 3}
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6."""
_TTL_OPTIONS = {4: (socket.IPPROTO_IP, socket.IP_TTL), 6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}


class _Message(NamedTuple):
    """A row of `Messages`, with the kernel's stamp by the wall clock."""

    data: bytes
    sender: bytes
    ttl: int = -1
    wall_ns: int = 0
    icmp_type: int = OWN
    icmp_code: int = OWN
    about: bytes = NONE


class PortablePort:
    """A `Port` on one of icmplib's sockets."""

    batch = BATCH

    def __init__(
        self,
        family: int,
        source: str | None = None,
        interface: str | None = None,
        opened: socket.socket | None = None,
        *,
        is_raw: bool,
    ) -> None:
        """Open it.

        Args:
            family: 4 or 6.
            source: Address that its packets leave from.
            interface: Name of the interface that they leave by.
            opened: A socket of this kind that somebody else has opened, which is the port's from now on.
            is_raw: Whether to open a raw socket.

        Raises:
            NotAllowed: The system does not allow this kind of socket to this process.
            ConfigError: It has no such address or interface.
            Unavailable: It cannot be opened for another reason, such as a family that is switched off.
        """
        self.family, self.is_raw = family, is_raw
        self.has_header = is_raw and family == IPV4
        self._owner: Any = opened
        if opened is None:
            # Kept, because it closes its socket when it is forgotten.
            self._owner = _open(family, is_raw=is_raw)
            opened = self._owner.sock
        self._socket: socket.socket = opened
        try:
            self.idents = socket_options.prepare(self._socket, family, source, interface, is_raw=is_raw)
        except ConfigError:
            self.close()
            raise
        self.buffer_bytes = socket_options.buffer_bytes(self._socket)
        self._usual_ttl = self._ttl = self._socket.getsockopt(*_TTL_OPTIONS[family])
        self._tos = 0

    def fileno(self) -> int:
        """The descriptor to watch for readability."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it; closing twice does no harm."""
        self._owner.close()

    def send(
        self,
        packets: NDArray[np.uint8],
        targets: NDArray[np.uint8],
        ttls: NDArray[np.uint8] | None = None,
        tos: int = 0,
    ) -> Emitted:
        """Send packets in order, until the system's queue is full; see `Port.send`."""
        if tos != self._tos:
            socket_options.set_tos(self._socket, self.family, tos)
            self._tos = tos
        raw, size, addresses = memoryview(packets.tobytes()), packets.shape[1], targets.tobytes()
        errors, sent_ns = np.zeros(len(packets), np.int16), np.zeros(len(packets), np.int64)
        for at in range(len(packets)):
            self._set_ttl(self._usual_ttl if ttls is None else int(ttls[at]))
            sent_ns[at] = time.monotonic_ns()
            number = self._send(raw[at * size : (at + 1) * size], text(addresses[at * WIDTH : (at + 1) * WIDTH]))
            if number in RETRY_LATER:
                return Emitted(errors[:at], sent_ns[:at])
            errors[at] = number
        return Emitted(errors, sent_ns)

    def _set_ttl(self, ttl: int) -> None:
        if ttl != self._ttl:
            self._socket.setsockopt(*_TTL_OPTIONS[self.family], ttl)
            self._ttl = ttl

    def _send(self, packet: memoryview, address: str) -> int:
        """Send a packet; 0, or the system's error number."""
        number = self._send_once(packet, address)
        for _ in range(0 if self.is_raw else socket_options.DATAGRAM_TRIES - 1):
            if not number or number in RETRY_LATER:
                break
            number = self._send_once(packet, address)  # that was an earlier packet's error, perhaps
        return number

    def _send_once(self, packet: memoryview, address: str) -> int:
        try:
            self._socket.sendto(packet, (address, 0))
        except OSError as error:
            self._heed(error)
            return error.errno or errno.EIO
        return 0

    def receive(self, most: int) -> Messages:
        """Read what has arrived, errors too, at most so many messages; see `Port.receive`."""
        found: list[_Message] = []
        if IS_LINUX and not self.is_raw:
            self._read(found, most, MSG_ERRQUEUE)
        self._read(found, most, 0)
        return _table(found)

    def _read(self, found: list[_Message], most: int, flags: int) -> None:
        tries = 2
        while len(found) < most and tries:
            try:
                data, control, _, address = self._socket.recvmsg(DATA_BYTES, _CONTROL_BYTES, flags)
            except BlockingIOError:
                return
            except OSError as error:
                # The pending error of an earlier packet, told once: its details come by the error queue. One that comes
                # again stays.
                self._heed(error)
                tries -= 1
                continue
            found.append(self._message(data, self._packed(address[0]), control))

    def _heed(self, error: OSError) -> None:
        if error.errno in (errno.EBADF, errno.ENOTSOCK):
            raise Unavailable(f"The IPv{self.family} ICMP socket broke: {error.strerror}") from error

    def _packed(self, address: str) -> bytes:
        """The 16 bytes of an address as the socket tells it."""
        if self.family == IPV4:
            return MAPPED_PREFIX + socket.inet_aton(address)
        return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])

    def _message(self, data: bytes, sender: bytes, control: list[tuple[int, int, bytes]]) -> _Message:
        """A message with what the kernel says beside it: time, TTL, error."""
        ttl, wall_ns, error = -1, 0, None
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIME.unpack(value)
                wall_ns = seconds * 1_000_000_000 + nanoseconds
            elif (level, kind) == TTL_OPTIONS[self.family]:
                (ttl,) = _INT.unpack(value)
            elif (level, kind) == ERROR_OPTIONS[self.family]:
                error = value
        message = _Message(data, sender, ttl, wall_ns)
        return message if error is None else self._with_error(message, error)

    def _with_error(self, message: _Message, data: bytes) -> _Message:
        """A message of the error queue; its name is the quoted destination."""
        _, origin, icmp_type, icmp_code, _, _, _ = _ERROR.unpack_from(data)
        if origin != _ORIGINS[self.family]:
            return message._replace(data=b"")  # the system's own, as of a packet too long: it says nothing
        name = data[_ERROR.size :]
        sender = MAPPED_PREFIX + name[4:8] if self.family == IPV4 else name[8:24]
        return message._replace(icmp_type=icmp_type, icmp_code=icmp_code, about=message.sender, sender=sender)


def _open(family: int, *, is_raw: bool) -> Any:
    """An ICMP socket of icmplib's; raises NotAllowed or Unavailable."""
    kind = icmplib.ICMPv4Socket if family == IPV4 else icmplib.ICMPv6Socket
    try:
        return kind(privileged=is_raw)
    except icmplib.SocketPermissionError as error:
        raise NotAllowed(socket_options.REFUSED) from error
    except icmplib.ICMPLibError as error:
        raise Unavailable(f"No IPv{family} ICMP socket can be opened: {error}") from error


def _table(found: list[_Message]) -> Messages:
    """Messages as arrays."""
    offset_ns = wall_less_monotonic_ns()
    width = max((len(each.data) for each in found), default=0)
    data = b"".join(each.data.ljust(width, b"\0") for each in found)
    walls_ns = np.array([each.wall_ns for each in found], np.int64)
    return Messages(
        data=np.frombuffer(data, np.uint8).reshape(len(found), width),
        length=np.array([len(each.data) for each in found], np.int32),
        sender=np.frombuffer(b"".join(each.sender for each in found), np.uint8).reshape(-1, WIDTH),
        ttl=np.array([each.ttl for each in found], np.int16),
        stamp_ns=np.where(walls_ns > 0, walls_ns - offset_ns, 0),
        icmp_type=np.array([each.icmp_type for each in found], np.int16),
        icmp_code=np.array([each.icmp_code for each in found], np.int16),
        about=np.frombuffer(b"".join(each.about for each in found), np.uint8).reshape(-1, WIDTH),
    )
