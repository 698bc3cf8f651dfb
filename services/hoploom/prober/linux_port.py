"""The fast port: batches of packets in one system call, read and written as arrays. Linux only; see `mmsg`.

What `receive` returns lies in the port's own room and holds until the next call.
"""

from __future__ import annotations

import errno
import socket
import time
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.prober import socket_options
from hoploom.prober.clocks import wall_less_monotonic_ns
from hoploom.prober.mmsg import BATCH, Beside, Inbox, Outbox
from hoploom.prober.port import OWN, RETRY_LATER, Emitted, Messages, NotAllowed
from hoploom.prober.socket_options import DATAGRAM_TRIES, ERROR_OPTIONS, MSG_ERRQUEUE, SO_TIMESTAMPNS, TTL_OPTIONS
from hoploom.targets.notation import IPV4
from hoploom.wire.addresses import MAPPED_PREFIX, WIDTH

STRIDE, LONG_STRIDE = 64, 128
"""Packets a call, in short slices and in long ones. The clock is read between calls, so that the times of those within
one, about 0.15 ms, are true; at full speed a longer call costs less."""
_BROKEN = frozenset({errno.EBADF, errno.ENOTSOCK, errno.EFAULT, errno.ENOSYS})
_FAMILIES = {4: (socket.AF_INET, socket.IPPROTO_ICMP), 6: (socket.AF_INET6, socket.IPPROTO_ICMPV6)}
_ORIGINS = {4: 2, 6: 3}
"""SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6."""
_ERROR_BYTES = 16
"""struct sock_extended_err; the sender's address stands behind it."""
_MAPPED = np.frombuffer(MAPPED_PREFIX, np.uint8)
_COUNT = np.arange(BATCH, dtype=np.int64)
_SEC_NS = 1_000_000_000


class LinuxPort:
    """A `Port` that sends by `sendmmsg` and reads by `recvmmsg`."""

    batch = BATCH - STRIDE

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
        number, protocol = _FAMILIES[family]
        try:
            self._socket = opened or socket.socket(number, socket.SOCK_RAW if is_raw else socket.SOCK_DGRAM, protocol)
        except PermissionError as error:
            raise NotAllowed(socket_options.REFUSED) from error
        except OSError as error:
            raise Unavailable(f"No IPv{family} ICMP socket can be opened: {error.strerror or error}") from error
        try:
            self.idents = socket_options.prepare(self._socket, family, source, interface, is_raw=is_raw)
        except ConfigError:
            self._socket.close()
            raise
        self.buffer_bytes = socket_options.buffer_bytes(self._socket)
        self._tos = self._taken = 0

    # Room for messages is made with the first of them: a prober at rest, or a family that is not used, takes none.
    @cached_property
    def _outbox(self) -> Outbox:
        return Outbox(_FAMILIES[self.family][0], TTL_OPTIONS[self.family])

    @cached_property
    def _inbox(self) -> Inbox:
        return Inbox(has_errors=not self.is_raw)

    @cached_property
    def _room(self) -> Messages:
        senders = np.zeros((BATCH, WIDTH), np.uint8)
        senders[:, : len(_MAPPED)] = _MAPPED
        return Messages(
            data=self._inbox.data,
            length=np.zeros(BATCH, np.int32),
            sender=senders,
            ttl=np.full(BATCH, -1, np.int16),
            stamp_ns=np.zeros(BATCH, np.int64),
            icmp_type=np.full(BATCH, OWN, np.int16),
            icmp_code=np.full(BATCH, OWN, np.int16),
            about=np.zeros((BATCH, WIDTH), np.uint8),
        )

    @cached_property
    def _nothing(self) -> Messages:
        return self._room.until(0)

    def fileno(self) -> int:
        """The descriptor to watch for readability."""
        return self._socket.fileno()

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
        """Send packets in order, until the system's queue is full; see `Port.send`."""
        if tos != self._tos:
            socket_options.set_tos(self._socket, self.family, tos)
            self._tos = tos
        errors, sent_ns = np.zeros(len(packets), np.int16), np.empty(len(packets), np.int64)
        for first in range(0, len(packets), BATCH):
            rows = slice(first, min(first + BATCH, len(packets)))
            self._outbox.fill(packets[rows], targets[rows], None if ttls is None else ttls[rows])
            done = self._send_filled(errors[rows], sent_ns[rows])
            if done < rows.stop - first:
                return Emitted(errors[: first + done], sent_ns[: first + done])
        return Emitted(errors, sent_ns)

    def _send_filled(self, errors: NDArray[np.int16], sent_ns: NDArray[np.int64]) -> int:
        """Send the messages of the outbox; set what became of each; how many were dealt with."""
        descriptor, at, tries = self._socket.fileno(), 0, 0
        stride = STRIDE if len(errors) < BATCH // 2 else LONG_STRIDE
        while at < len(errors):
            before_ns = time.monotonic_ns()
            left, number = self._outbox.send(descriptor, at, min(len(errors) - at, stride))
            after_ns = time.monotonic_ns()
            if left:
                # They leave one after the other, each in about the same time.
                sent_ns[at : at + left] = before_ns + _COUNT[:left] * (after_ns - before_ns) // left
                at, tries = at + left, 0
                if self.is_raw:
                    # What is near has answered, and is still in the processor's caches.
                    self._taken += self._read(self._taken, BATCH - self._taken, 0)
            elif number in RETRY_LATER:
                break
            elif self.is_raw or tries + 1 == DATAGRAM_TRIES:
                self._heed(number)
                errors[at], sent_ns[at] = number, after_ns
                at, tries = at + 1, 0
            else:
                tries += 1  # an earlier packet's error, perhaps
        return at

    def receive(self, most: int) -> Messages:
        """Read what has arrived, errors too, at most so many messages; see `Port.receive`."""
        most = min(most, BATCH)
        refused = 0 if self.is_raw else self._read(0, most, MSG_ERRQUEUE)
        first, self._taken = self._taken or refused, 0
        count = first + self._read(first, most - first, 0)
        if not count:
            return self._nothing
        messages = self._messages(count)
        offset_ns = wall_less_monotonic_ns()
        self._set_beside(messages, refused, count, offset_ns)
        if refused:
            self._set_errors(messages, refused, offset_ns)
        return messages

    def _read(self, first: int, most: int, flags: int) -> int:
        count, number = self._inbox.receive(self._socket.fileno(), first, most, flags) if most > 0 else (0, 0)
        if number and number not in RETRY_LATER:
            self._heed(number)
            # The pending error of an earlier packet, told once; its details come by the error queue.
            count, _ = self._inbox.receive(self._socket.fileno(), first, most, flags)
        return count

    def _heed(self, number: int) -> None:
        if number in _BROKEN:
            raise Unavailable(f"The IPv{self.family} ICMP socket broke: {errno.errorcode[number]}")

    def _messages(self, count: int) -> Messages:
        """The messages of the inbox, without what stands beside them."""
        messages, names = self._room.until(count), self._inbox.names[:count]
        messages.length[:] = self._inbox.lengths[:count]
        senders = messages.sender.view(np.uint32)
        if self.family == IPV4:
            senders[:, 3] = names[:, 1]
        else:
            senders[:] = names[:, 2:6]
        messages.stamp_ns[:] = 0
        if not self.is_raw:
            messages.ttl[:], messages.icmp_type[:], messages.icmp_code[:], messages.about[:] = -1, OWN, OWN, 0
        return messages

    def _set_beside(self, messages: Messages, first: int, stop: int, offset_ns: int) -> Beside:
        """Set times and TTLs of rows first..stop-1."""
        beside = self._inbox.beside(first, stop)
        for rows, data in beside.values.get((socket.SOL_SOCKET, SO_TIMESTAMPNS), ()):
            times = data.view(np.int64)
            messages.stamp_ns[first:stop][rows] = times[:, 0] * _SEC_NS + (times[:, 1] - offset_ns)
        for rows, data in beside.values.get(TTL_OPTIONS[self.family], ()):
            messages.ttl[first:stop][rows] = data.view(np.int32)[:, 0]
        return beside

    def _set_errors(self, messages: Messages, count: int, offset_ns: int) -> None:
        """Set what the error queue says of the first rows; the names of those are the quoted destinations."""
        messages.about[:count] = messages.sender[:count]
        width = 4 if self.family == IPV4 else WIDTH
        at = _ERROR_BYTES + (4 if self.family == IPV4 else 8)
        of_icmp = np.zeros(count, np.bool_)
        for rows, data in self._set_beside(messages, 0, count, offset_ns).values.get(ERROR_OPTIONS[self.family], ()):
            of_icmp[rows] = data[:, 4] == _ORIGINS[self.family]
            messages.icmp_type[:count][rows], messages.icmp_code[:count][rows] = data[:, 5], data[:, 6]
            messages.sender[:count, WIDTH - width :][rows] = data[:, at : at + width]
        # What is no ICMP error but the system's own (as of a packet too long) is left empty: it says nothing.
        messages.icmp_type[:count][~of_icmp] = OWN
        messages.length[:count] *= of_icmp
