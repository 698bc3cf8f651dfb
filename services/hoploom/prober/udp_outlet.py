"""Leaves by an ordinary UDP socket: probes of traceroutes, which say their TTL by their length. Packet by packet.

Answers are ICMP errors and come by the ICMP port; what an application behind the port says is never read.
"""

from __future__ import annotations

import errno
import socket
import time

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.prober import socket_options
from hoploom.prober.port import RETRY_LATER, Emitted
from hoploom.prober.ports import Way
from hoploom.prober.traces import MAX_TTL
from hoploom.wire.addresses import WIDTH, text

DESTINATION_PORT = 33_434
"""IANA's `traceroute`: nobody listens there, and nobody takes a probe for an attack."""
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_TTL_OPTIONS = {4: (socket.IPPROTO_IP, socket.IP_TTL), 6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)}
_BATCH = 64


class UdpOutlet:
    """An `Outlet` of one family with one source port.

    Attributes:
        source_port: What the kernel chose.
    """

    batch = _BATCH

    def __init__(self, family: int, way: Way, buffer_bytes: int) -> None:
        """Open it.

        Args:
            family: 4 or 6.
            way: How its packets leave.
            buffer_bytes: What is granted to answers where they are read.

        Raises:
            ConfigError: There is no such address or interface here.
            Unavailable: No socket can be opened.
        """
        self._ttl_option, self._ttl, self._tos, self._family = _TTL_OPTIONS[family], 0, 0, family
        self.buffer_bytes = buffer_bytes
        try:
            self._socket = socket.socket(_FAMILIES[family], socket.SOCK_DGRAM)
        except OSError as error:
            raise Unavailable(f"No IPv{family} UDP socket can be opened: {error.strerror or error}") from error
        self._socket.setblocking(False)
        try:
            socket_options.attach(self._socket, family, way.source, way.interface)
            if way.dont_fragment:
                socket_options.forbid_fragments(self._socket.fileno(), family)
        except ConfigError:
            self._socket.close()
            raise
        self.source_port = int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Close it; closing twice does no harm."""
        self._socket.close()

    def send(
        self,
        packets: NDArray[np.uint8],
        targets: NDArray[np.uint8],
        ttls: NDArray[np.uint8] | None = None,
        tos: int = 0,
    ) -> Emitted:
        """Send payloads in order, until the system's queue is full; see `Outlet.send`.

        Args:
            packets: (n, m) as `flows.datagrams` makes them for the largest TTL; of each so much leaves as its own has.
            targets: (n, 16) bytes.
            ttls: (n,) TTL or hop limit of each.
            tos: Type of service or traffic class of all.
        """
        if tos != self._tos:
            socket_options.set_tos(self._socket, self._family, tos)
            self._tos = tos
        raw, size, addresses = memoryview(packets.tobytes()), packets.shape[1], targets.tobytes()
        errors, sent_ns = np.zeros(len(packets), np.int16), np.zeros(len(packets), np.int64)
        for at, ttl in enumerate([MAX_TTL] * len(packets) if ttls is None else ttls.tolist()):
            self._set_ttl(ttl)
            sent_ns[at] = time.monotonic_ns()
            payload = raw[at * size : (at + 1) * size - MAX_TTL + ttl]
            number = self._send(payload, text(addresses[at * WIDTH : (at + 1) * WIDTH]))
            if number in RETRY_LATER:
                return Emitted(errors[:at], sent_ns[:at])
            errors[at] = number
        return Emitted(errors, sent_ns)

    def _set_ttl(self, ttl: int) -> None:
        if ttl != self._ttl:
            self._socket.setsockopt(*self._ttl_option, ttl)
            self._ttl = ttl

    def _send(self, payload: memoryview, address: str) -> int:
        try:
            self._socket.sendto(payload, (address, DESTINATION_PORT))
        except OSError as error:
            if error.errno in (errno.EBADF, errno.ENOTSOCK):
                raise Unavailable(f"The IPv{self._family} UDP socket broke: {error.strerror}") from error
            return error.errno or errno.EIO
        return 0
