"""Echo requests as bytes, and what comes back as values. Pure: no sockets, clocks or randomness.

A probe is known again by its identifier and sequence number (its slot), the address it went to and eight bytes of
keyed cookie in the payload. Nothing that arrives is trusted: what is short, odd or not about an echo request is None.

Sources: RFC 792 and RFC 4443 (messages), RFC 1071 (checksum), RFC 9511 section 3 (attribution in the payload).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.mixing import mix
from hoploom.targets.notation import IPV4, IPV6
from hoploom.wire.addresses import MAPPED_PREFIX

COOKIE_BYTES = 8
HEADER_BYTES = 8
_HEADER = struct.Struct("!BBHHH")
_IDENT_SEQUENCE = struct.Struct("!HH")
_IPV4_LEAST, _IPV6_HEADER = 20, 40
_ICMP, _ICMPV6 = 1, 58
"""IANA protocol numbers."""


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


class Arrival(NamedTuple):
    """One message about a probe.

    Attributes:
        icmp_type: Its type.
        icmp_code: Its code.
        ident: Identifier of the probe.
        sequence: Sequence number of the probe.
        about: 16 bytes: where the probe must have gone (source of a reply, quoted destination of an error).
        sender: 16 bytes: who sent the message.
        cookie: The probe's cookie, as much of it as came back.
        ttl: TTL or hop limit of the message, -1 where unknown.
    """

    icmp_type: int
    icmp_code: int
    ident: int
    sequence: int
    about: bytes
    sender: bytes
    cookie: bytes
    ttl: int


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


def cookies(serials: NDArray[np.uint64], targets: NDArray[np.uint8], key: tuple[int, int]) -> NDArray[np.uint8]:
    """A cookie for every probe: tells a reply of an earlier use of its slot, and one made up without seeing the probe.

    Args:
        serials: (n,) numbers that no two probes of a key share.
        targets: (n, 16) bytes.
        key: Two secret 64-bit numbers.

    Returns:
        (n, 8) bytes.
    """
    halves = np.ascontiguousarray(targets).view("<u8")
    mixed = mix(serials ^ np.uint64(key[0]))
    for half in (halves[:, 0], halves[:, 1]):
        mixed = mix(mixed ^ half)
    mixed = mix(mixed ^ np.uint64(key[1]))
    return np.asarray(mixed.astype("<u8").view(np.uint8)).reshape(-1, COOKIE_BYTES)


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


def parse_ipv4(packet: bytes, cookie_at: int) -> Arrival | None:
    """Read what a raw IPv4 socket gives: a packet with its IP header.

    Args:
        packet: The whole packet.
        cookie_at: Where the cookie stands in a payload.

    Returns:
        The message, or None when it is none about an echo request.
    """
    if len(packet) < _IPV4_LEAST:
        return None
    header = (packet[0] & 15) * 4
    if header < _IPV4_LEAST:
        return None
    return parse_message(IPV4, packet[header:], MAPPED_PREFIX + packet[12:16], packet[8], cookie_at)


def parse_message(family: int, message: bytes, sender: bytes, ttl: int, cookie_at: int) -> Arrival | None:
    """Read an ICMP or ICMPv6 message.

    Args:
        family: 4 or 6.
        message: From the type on.
        sender: 16 bytes: who sent it.
        ttl: Its TTL or hop limit, or -1.
        cookie_at: Where the cookie stands in a payload.

    Returns:
        The message, or None when it is neither an echo reply nor an error that quotes an echo request.
    """
    if len(message) < HEADER_BYTES:
        return None
    kind, code, _, ident, sequence = _HEADER.unpack_from(message)
    if kind == DIALECTS[family].reply:
        start = HEADER_BYTES + cookie_at
        return Arrival(kind, code, ident, sequence, sender, sender, message[start : start + COOKIE_BYTES], ttl)
    if kind not in DIALECTS[family].errors:
        return None
    found = _quoted(family, message[HEADER_BYTES:])
    if found is None:
        return None
    about, echo = found
    return parse_quoted(family, echo, about, cookie_at, Arrival(kind, code, 0, 0, about, sender, b"", ttl))


def parse_quoted(family: int, echo: bytes, about: bytes, cookie_at: int, error: Arrival) -> Arrival | None:
    """Complete an error by the echo request that it quotes.

    Args:
        family: 4 or 6.
        echo: The quoted ICMP message, from the type on, possibly cut short after eight bytes.
        about: 16 bytes: the quoted destination.
        cookie_at: Where the cookie stands in a payload.
        error: Type, code, sender and TTL of the error.

    Returns:
        The error with the probe's identifier, sequence number and cookie, or None when it quotes no echo request.
    """
    if len(echo) < HEADER_BYTES or echo[0] != DIALECTS[family].request:
        return None
    ident, sequence = _IDENT_SEQUENCE.unpack_from(echo, 4)
    start = HEADER_BYTES + cookie_at
    cookie = echo[start : start + COOKIE_BYTES]
    return error._replace(ident=ident, sequence=sequence, about=about, cookie=cookie)


def _quoted(family: int, packet: bytes) -> tuple[bytes, bytes] | None:
    """Destination and ICMP message of a quoted packet; None when it carries no ICMP."""
    if family == IPV6:
        if len(packet) < _IPV6_HEADER or packet[6] != _ICMPV6:
            return None
        return packet[24:40], packet[_IPV6_HEADER:]
    if len(packet) < _IPV4_LEAST or packet[9] != _ICMP:
        return None
    header = (packet[0] & 15) * 4
    return (MAPPED_PREFIX + packet[16:20], packet[header:]) if header >= _IPV4_LEAST else None
