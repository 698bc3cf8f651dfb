"""What every kind of socket offers to the code above it, in arrays: the one place where engines differ.

Everything else (slots, books, pacing, matching, traceroutes) is the same code for all of them.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError

OWN = -1
"""Stands as the type of a message that says its type itself."""
RETRY_LATER = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.EINTR})
"""Error numbers of a full queue: the packet may leave a moment later."""


class NotAllowed(ConfigError):
    """The system does not allow this kind of socket to this process."""


class Emitted(NamedTuple):
    """What became of a slice of packets.

    Attributes:
        errors: (k,) int16: error number of each packet that was dealt with, 0 where it left; k is less than the
            slice where the system's queue is full: the rest may be sent a moment later.
        sent_ns: (k,) int64: when each left (or was refused), monotonic clock.
    """

    errors: NDArray[np.int16]
    sent_ns: NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Messages:
    """What was read, row i about message i.

    Attributes:
        data: (n, w) uint8, as the socket gave it; what stands behind `length` means nothing.
        length: (n,) int32: bytes that the message has; where that is more than w, `data` has only the first w of them
            (a port that is not told how many were cut off says w).
        sender: (n, 16) uint8: who sent it; of a message of the error queue, who sent the ICMP error.
        ttl: (n,) int16: its TTL or hop limit, -1 where only `data` may say it.
        stamp_ns: (n,) int64: when the kernel took it in, on the monotonic clock; 0 where the kernel does not say.
        icmp_type: (n,) int16: `OWN` where `data` begins with the IP header or the ICMP message itself; else the type of
            an ICMP error out of the error queue, and `data` is the quoted ICMP (or UDP payload's) message.
        icmp_code: (n,) int16: its code.
        about: (n, 16) uint8: the destination that such an error quotes; zeros for all others.
    """

    data: NDArray[np.uint8]
    length: NDArray[np.int32]
    sender: NDArray[np.uint8]
    ttl: NDArray[np.int16]
    stamp_ns: NDArray[np.int64]
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    about: NDArray[np.uint8]

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.length)

    def until(self, end: int) -> Messages:
        """The first messages, in the same memory."""
        return Messages(
            data=self.data[:end],
            length=self.length[:end],
            sender=self.sender[:end],
            ttl=self.ttl[:end],
            stamp_ns=self.stamp_ns[:end],
            icmp_type=self.icmp_type[:end],
            icmp_code=self.icmp_code[:end],
            about=self.about[:end],
        )


class Outlet(Protocol):
    """What probes of one family leave by.

    Attributes:
        batch: Packets that are best sent at a time: about a millisecond's.
        buffer_bytes: What the system grants to answers that wait to be read, its own bookkeeping included.
    """

    batch: int
    buffer_bytes: int

    def send(
        self,
        packets: NDArray[np.uint8],
        targets: NDArray[np.uint8],
        ttls: NDArray[np.uint8] | None = None,
        tos: int = 0,
    ) -> Emitted:
        """Send packets in order, until the system's queue is full.

        Args:
            packets: (n, m), C-contiguous: ICMP messages or payloads, all of one length.
            targets: (n, 16): where each goes, IPv4 mapped.
            ttls: (n,): TTL or hop limit of each, 1 to 255; None leaves the system's own.
            tos: Type of service or traffic class of all.

        Raises:
            Unavailable: The socket broke.
        """
        ...

    def close(self) -> None:
        """Close it; closing twice does no harm."""
        ...


class Port(Outlet, Protocol):
    """A non-blocking ICMP socket of one family.

    Attributes:
        family: 4 or 6.
        is_raw: Raw, or a datagram socket whose identifier the kernel chose.
        has_header: Whether `data` of what it reads begins with an IPv4 header (raw IPv4).
        idents: Identifiers that requests may carry.
    """

    family: int
    is_raw: bool
    has_header: bool
    idents: tuple[int, ...]

    def fileno(self) -> int:
        """The descriptor to watch for readability."""
        ...

    def receive(self, most: int) -> Messages:
        """Read what has arrived, errors too.

        Args:
            most: Messages to read at most; a port may have a limit of its own below it, and give those besides that it
                has read already while packets left.

        Returns:
            The messages, valid until the next call; none where nothing waits.

        Raises:
            Unavailable: The socket broke.
        """
        ...
