"""Batches of datagrams in one system call: `sendmmsg` and `recvmmsg` of Linux through ctypes, their structs as arrays.

Everything that the kernel reads or writes lies in arrays that are made once; a call fills in columns. ctypes lets
other threads run meanwhile. Layouts are those of 64-bit little-endian Linux; elsewhere `is_available` is False.

Source: sendmmsg(2), recvmmsg(2), cmsg(3), include/uapi/linux/{errqueue,in,in6}.h.
"""

from __future__ import annotations

import ctypes
import socket
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BATCH = 1_024
"""Messages a call, the most that the kernel takes (UIO_MAXIOV): what Python does between two calls costs 0.2 ms,
however many they are."""
DATA_BYTES = 1_280
"""No ICMP error is longer (RFC 4443 section 2.4; RFC 1812: 576), and no cookie stands further back; of longer replies
the rest is cut off."""
CONTROL_BYTES, CONTROL_BYTES_OF_ERRORS = 64, 192
"""Room for a time stamp (32) and a TTL (24); for an error with its sender (64) besides."""
NAME_WORDS = 7
"""struct sockaddr_in6, the larger of the two, in 32-bit words: family and port, flow, four of the address, scope. Of
struct sockaddr_in the second one is the address."""
MSG_TRUNC, MSG_DONTWAIT = 0x20, 0x40
"""Numbers of include/linux/socket.h: a message is told at its whole length, and nothing is waited for."""

_HEADER = np.dtype(
    [
        ("name", np.uint64),
        ("name_bytes", np.uint32),
        ("parts", np.uint64),
        ("part_count", np.uint64),
        ("control", np.uint64),
        ("control_bytes", np.uint64),
        ("flags", np.int32),
    ],
    align=True,
)
"""struct msghdr."""
_MESSAGE = np.dtype([("header", _HEADER), ("length", np.uint32)], align=True)
"""struct mmsghdr."""
_PART = np.dtype([("base", np.uint64), ("length", np.uint64)])
"""struct iovec."""
_WORD = 8
_LINE_BYTES = 64
"""A cache line between rows: at a round distance all rows would share the same few places of the cache."""
_CONTROL_HEADER = 16
_CONTROL_INT = np.dtype([("length", np.uint64), ("level", np.int32), ("kind", np.int32), ("value", np.int64)])
"""struct cmsghdr with an int and its padding."""


class Beside(NamedTuple):
    """Control data of n messages.

    Attributes:
        values: For each (level, kind) that came: which rows have it, and (k, w) uint8: its data, row by row.
    """

    values: dict[tuple[int, int], list[tuple[Any, NDArray[np.uint8]]]]


def is_available() -> bool:
    """Whether this system has both calls, and the layouts that are written here."""
    if sys.platform != "linux" or sys.byteorder != "little" or ctypes.sizeof(ctypes.c_void_p) != _WORD:
        return False
    # With no messages at all it does nothing, but says so where the call is missing or forbidden.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            return bool(_call("sendmmsg")(any_socket.fileno(), 0, 0, 0) == 0)
        except AttributeError:
            return False


def _call(name: str) -> Any:
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    function.restype = ctypes.c_int
    function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    if name == "recvmmsg":
        function.argtypes += (ctypes.c_void_p,)
    return function


class Outbox:
    """Room for the structs of `BATCH` messages to be sent by a socket of one family."""

    def __init__(self, family: int, ttl_option: tuple[int, int]) -> None:
        """Lay the structs out.

        Args:
            family: AF_INET or AF_INET6.
            ttl_option: Level and kind of the control message that sets a packet's TTL.
        """
        self._is_ipv4 = family == socket.AF_INET
        self._messages, self._parts = np.zeros(BATCH, _MESSAGE), np.zeros(BATCH, _PART)
        self._names = np.zeros((BATCH, NAME_WORDS), np.uint32)
        self._names[:, 0] = family
        self._ttls = np.zeros(BATCH, _CONTROL_INT)
        self._ttls["length"], self._ttls["level"], self._ttls["kind"] = _CONTROL_HEADER + 4, *ttl_option
        header = self._messages["header"]
        header["name"] = _addresses(self._names)
        header["name_bytes"] = 16 if self._is_ipv4 else 4 * NAME_WORDS
        header["parts"], header["part_count"] = _addresses(self._parts), 1
        self._controls = _addresses(self._ttls)
        self._base_of_message = self._messages.ctypes.data
        self._send = _call("sendmmsg")
        self._packets, self._packets_at = np.empty((0, 0), np.uint8), 0
        self._has_ttls = False

    def fill(self, packets: NDArray[np.uint8], targets: NDArray[np.uint8], ttls: NDArray[np.uint8] | None) -> None:
        """Set the structs of the first messages.

        Args:
            packets: (n, m) uint8, C-contiguous, n <= `BATCH`; read where it lies by every `send` until the next fill.
            targets: (n, 16).
            ttls: (n,) or None.
        """
        count, at = len(packets), packets.ctypes.data
        if at != self._packets_at or packets.shape != self._packets.shape:
            self._parts["base"][:count], self._parts["length"][:count] = _addresses(packets), packets.shape[1]
        self._packets, self._packets_at = packets, at
        words = targets.view(np.uint32)
        if self._is_ipv4:
            self._names[:count, 1] = words[:, 3]
        else:
            self._names[:count, 2:6] = words
        if ttls is not None:
            self._ttls["value"][:count] = ttls
        if self._has_ttls != (ttls is not None):
            self._has_ttls = ttls is not None
            header = self._messages["header"]
            header["control"] = self._controls if self._has_ttls else 0
            header["control_bytes"] = _CONTROL_INT.itemsize if self._has_ttls else 0

    def send(self, descriptor: int, first: int, count: int) -> tuple[int, int]:
        """Send messages first..first+count-1; how many left, and the error number where the first did not."""
        left = self._send(descriptor, self._base_of_message + first * _MESSAGE.itemsize, count, MSG_DONTWAIT)
        return (left, 0) if left >= 0 else (0, ctypes.get_errno())


class Inbox:
    """Room for `BATCH` messages to be received.

    Attributes:
        data: (BATCH, DATA_BYTES) uint8.
        names: (BATCH, NAME_WORDS) uint32: struct sockaddr_in or sockaddr_in6 of the sender.
        lengths: (BATCH,) uint32: bytes of each, those that were cut off too where the socket tells them.
    """

    def __init__(self, *, has_errors: bool) -> None:
        """Lay the structs out.

        Args:
            has_errors: Whether messages of the error queue are read too.
        """
        self.data = np.zeros((BATCH, DATA_BYTES + _LINE_BYTES), np.uint8)[:, :DATA_BYTES]
        self.names = np.zeros((BATCH, NAME_WORDS), np.uint32)
        control_bytes = CONTROL_BYTES_OF_ERRORS if has_errors else CONTROL_BYTES
        self._control = np.zeros((BATCH, control_bytes), np.uint8)
        self._messages, self._parts = np.zeros(BATCH, _MESSAGE), np.zeros(BATCH, _PART)
        self._parts["base"], self._parts["length"] = _addresses(self.data), DATA_BYTES
        header = self._messages["header"]
        header["name"], header["control"] = _addresses(self.names), _addresses(self._control)
        header["parts"], header["part_count"] = _addresses(self._parts), 1
        self._size, self._places = 0, list[_Place]()
        self._used = BATCH
        self.lengths: NDArray[np.uint32] = self._messages["length"]
        self._name_bytes, self._control_bytes = header["name_bytes"], header["control_bytes"]
        self._base_of_message = self._messages.ctypes.data
        self._receive = _call("recvmmsg")

    def receive(self, descriptor: int, first: int, count: int, flags: int) -> tuple[int, int]:
        """Read into rows first..first+count-1; how many were read, and the error number where none could be."""
        if self._used > first:  # the kernel has written lengths where it shall find the room
            rows = slice(first, self._used)
            self._name_bytes[rows], self._control_bytes[rows] = 4 * NAME_WORDS, self._control.shape[1]
        where = self._base_of_message + first * _MESSAGE.itemsize
        got = self._receive(descriptor, where, count, flags | MSG_DONTWAIT | MSG_TRUNC, None)
        self._used = first + max(got, 0)
        return (got, 0) if got >= 0 else (0, ctypes.get_errno())

    def beside(self, first: int, stop: int) -> Beside:
        """Control data of rows first..stop-1; the rows in it are counted from `first`."""
        found = Beside({})
        if stop == first:
            return found
        control, sizes = self._control[first:stop], self._control_bytes[first:stop]
        words = control.view(np.uint64)
        # The same options are set for all, so what comes beside them is nearly always laid out as the time before.
        if self._are_alike(words, sizes):
            rows = [slice(None)]
        else:
            self._size, self._places = int(sizes[0]), _walk(words[0].tolist(), int(sizes[0]))
            rows = [slice(None)] if self._are_alike(words, sizes) else [slice(at, at + 1) for at in range(len(sizes))]
        for each in rows:
            places = self._places if len(rows) == 1 else _walk(words[each][0].tolist(), int(sizes[each][0]))
            for place in places:
                data = control[each, (place.word + 2) * _WORD : place.end]
                found.values.setdefault((place.level, place.kind), []).append((each, data))
        return found

    def _are_alike(self, words: NDArray[np.uint64], sizes: NDArray[np.uint64]) -> bool:
        """Whether all control data is laid out as was remembered."""
        if np.count_nonzero(sizes != self._size):
            return False
        return not any(np.count_nonzero(words[:, each.word : each.word + 2] != each.header) for each in self._places)


class _Place(NamedTuple):
    """A control message in a row: word at which it begins, byte at which it ends, level, kind; its header as is."""

    word: int
    end: int
    level: int
    kind: int
    header: NDArray[np.uint64]


def _walk(words: list[int], size: int) -> list[_Place]:
    """The control messages in a row of words."""
    found, at = list[_Place](), 0
    while (at + 2) * _WORD <= size:
        length, both = words[at], words[at + 1]
        if not _CONTROL_HEADER <= length <= size - at * _WORD:
            break
        header = np.array([length, both], np.uint64)
        found.append(_Place(at, at * _WORD + length, both & 0xFFFFFFFF, both >> 32, header))
        at += -(-length // _WORD)
    return found


def _addresses(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Where each row of an array lies in memory."""
    return rows.ctypes.data + np.arange(len(rows), dtype=np.uint64) * np.uint64(rows.strides[0])
