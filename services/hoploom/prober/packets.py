"""Echo requests as bytes. Pure: no sockets, clocks or randomness.

A probe is known again by its identifier and sequence number (its slot), the address it went to and eight bytes of
cookie in the payload. What comes back is read by `arrivals`.

Sources: RFC 792 and RFC 4443 (messages), RFC 1071 (checksum), RFC 9511 section 3 (attribution in the payload).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.notation import IPV4, IPV6

COOKIE_BYTES = 8
HEADER_BYTES = 8
_HEADER = struct.Struct("!BBHHH")


class Dialect(NamedTuple):
    """Numbers in which ICMP and ICMPv6 differ.

    Attributes:
        request: Type of an echo request.
        reply: Type of an echo reply.
        errors: Types that quote a packet of ours: it did not arrive, or not whole.
    """

    request: int
    reply: int
    errors: frozenset[int]


DIALECTS = {IPV4: Dialect(8, 0, frozenset({3, 11, 12})), IPV6: Dialect(128, 129, frozenset({1, 2, 3, 4}))}


@dataclass(frozen=True)
class Layout:
    """What a payload holds: attribution and its closing zero, cookie, filling up to the size asked for.

    Attributes:
        attribution: ASCII, without the closing zero; may be empty.
        size_bytes: Size asked for; the payload is longer where attribution and cookie need it.
        filling: What stands behind the cookie; zeros where it is too short.
    """

    attribution: bytes
    size_bytes: int
    filling: bytes = b""

    @property
    def cookie_at(self) -> int:
        """Where in the payload the cookie stands; it depends on the attribution alone."""
        return cookie_offset(self.attribution)

    @property
    def payload(self) -> bytes:
        """The payload with a cookie of zeros."""
        head = self.attribution.ljust(self.cookie_at + COOKIE_BYTES, b"\0")
        return (head + self.filling)[: max(self.size_bytes, len(head))].ljust(self.size_bytes, b"\0")


def cookie_offset(attribution: bytes) -> int:
    """Where in the payload the cookie stands: RFC 9511 ends the attribution by a zero octet."""
    return len(attribution) + 1 if attribution else 0


def build(
    family: int, idents: NDArray[np.uint16], sequences: NDArray[np.uint16], cookie: NDArray[np.uint8], layout: Layout
) -> NDArray[np.uint8]:
    """Echo requests, checksums included (the kernel writes its own where the socket says so).

    Args:
        family: 4 or 6.
        idents: (n,) identifiers.
        sequences: (n,) sequence numbers.
        cookie: (n, 8) bytes.
        layout: The payload.

    Returns:
        (n, 8 + length of the payload) bytes.
    """
    template = _HEADER.pack(DIALECTS[family].request, 0, 0, 0, 0) + layout.payload
    packets = np.tile(np.frombuffer(template, np.uint8), (len(idents), 1))
    packets[:, 4:6] = idents.astype(">u2").view(np.uint8).reshape(-1, 2)
    packets[:, 6:8] = sequences.astype(">u2").view(np.uint8).reshape(-1, 2)
    start = HEADER_BYTES + layout.cookie_at
    packets[:, start : start + COOKIE_BYTES] = cookie
    packets[:, 2:4] = checksums(packets).reshape(-1, 2)
    return packets


def checksums(packets: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Internet checksum of each row, as it stands in the packet.

    Args:
        packets: (n, m) bytes with zeros where the checksum will stand.

    Returns:
        (n, 2) bytes.

    Source: RFC 1071; section 2(B): the sum may be taken in either byte order, so it is taken in the machine's own.
    """
    if packets.shape[1] % 2:
        packets = np.pad(packets, ((0, 0), (0, 1)))
    sums = np.ascontiguousarray(packets).view(np.uint16).sum(axis=1, dtype=np.uint64)
    for _ in range(2):
        sums = (sums & np.uint64(0xFFFF)) + (sums >> np.uint64(16))
    return np.asarray((~sums).astype(np.uint16).view(np.uint8)).reshape(-1, 2)
