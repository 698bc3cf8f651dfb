"""Packets as hosts and routers send them, written out by the RFCs: what the readers are tested with."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.port import OWN, Messages
from hoploom.wire.addresses import parse as address

ICMP = {4: 1, 6: 58}
UDP = 17
TIME_EXCEEDED, UNREACHABLE = {4: 11, 6: 3}, {4: 3, 6: 1}
REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
ME = {4: address("192.0.2.1"), 6: address("2001:db8::1")}
TARGET = {4: address("192.0.2.9"), 6: address("2001:db8::9")}
HOP = {4: address("198.51.100.1"), 6: address("2001:db8:1::1")}
COOKIE = bytes(range(0xC1, 0xC9))


def checksum(data: bytes) -> int:
    """RFC 1071, word by word."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_packet(
    source: bytes, destination: bytes, message: bytes, protocol: int, ttl: int = 57, options: bytes = b""
) -> bytes:
    """An IPv4 packet where `source` is a mapped address, else an IPv6 one.

    `options` are IPv4 options (a multiple of four bytes), or IPv6 extension headers whose last one names the protocol
    and whose first one is hop-by-hop.
    """
    if source[:12] == bytes(10) + b"\xff\xff":
        size = 20 + len(options)
        head = struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, size + len(message), 7, 0x4000, ttl, protocol, 0)
        head = head[:10] + struct.pack("!H", checksum(head + source[12:] + destination[12:] + options)) + source[12:]
        return head + destination[12:] + options + message
    following = 0 if options else protocol
    head = struct.pack("!IHBB", 6 << 28, len(options + message), following, ttl)
    return head + source + destination + options + message


def structure(*labels: int, good: bool = True, has_checksum: bool = True, before: bytes = b"") -> bytes:
    """An extension structure with one MPLS object, perhaps behind other objects."""
    objects = before
    if labels:
        objects += struct.pack("!HBB", 4 + 4 * len(labels), 1, 1) + b"".join(struct.pack("!I", each) for each in labels)
    value = checksum(b"\x20\0\0\0" + objects) if has_checksum else 0
    return struct.pack("!BBH", 0x20, 0, value if good else value ^ 0x0101) + objects


@dataclass(frozen=True)
class Router:
    """How a router quotes.

    Attributes:
        kept: Bytes of the packet that it quotes.
        appended: Extension structure; the quote is then filled up to 128 bytes.
        is_silent_about_it: It says nothing of the structure in the length field, as before RFC 4884.
        new_ident: A NAT behind it rewrote identifier or source port in the quote, and left the checksum as it was.
    """

    kept: int = 1_232
    appended: bytes = b""
    is_silent_about_it: bool = False
    new_ident: int | None = None

    def error(self, packet: bytes, kind: int, code: int = 0) -> bytes:
        """The ICMP message about a packet."""
        quote = self._rewritten(packet)[: self.kept]
        is_ipv4, length = packet[0] >> 4 == 4, 0
        if self.appended:
            quote = quote[:128].ljust(128, b"\0")
            length = 0 if self.is_silent_about_it else 128 // (4 if is_ipv4 else 8)
        rest = bytes([0, length, 0, 0]) if is_ipv4 else bytes([length, 0, 0, 0])
        return bytes([kind, code, 0xBA, 0xD0]) + rest + quote + self.appended

    def _rewritten(self, packet: bytes) -> bytes:
        if self.new_ident is None:
            return packet
        is_ipv4 = packet[0] >> 4 == 4
        at, protocol = ((packet[0] & 15) * 4, packet[9]) if is_ipv4 else (40, packet[6])
        at += 0 if protocol == UDP else 4
        return packet[:at] + struct.pack("!H", self.new_ident) + packet[at + 2 :]


def messages(rows: Sequence[bytes], width: int | None = None, **columns: NDArray[np.generic]) -> Messages:
    """What a port would give: rows in an array, with 0xEE behind their ends; other columns count up."""
    count = len(rows)
    width = max((len(each) for each in rows), default=0) if width is None else width
    data = np.full((count, width), 0xEE, np.uint8)
    for row, raw in zip(data, rows, strict=True):
        row[: len(raw)] = np.frombuffer(raw[:width], np.uint8)
    defaults = {
        "data": data,
        "length": np.array([len(each) for each in rows], np.int32),
        "sender": np.arange(count * 16).astype(np.uint8).reshape(count, 16),
        "ttl": np.arange(count, dtype=np.int16) + 100,
        "stamp_ns": np.arange(count, dtype=np.int64) + 10**18,
        "icmp_type": np.full(count, OWN, np.int16),
        "icmp_code": np.full(count, 77, np.int16),
        "about": np.arange(count * 16).astype(np.uint8).reshape(count, 16)[:, ::-1],
    }
    return Messages(**{**defaults, **columns})  # type: ignore[arg-type]


def echo(family: int, kind: int | None = None, size: int = 40, cookie_at: int = 0) -> bytes:
    payload = (bytes([0x41] * cookie_at) + COOKIE).ljust(size, b"\0")
    return struct.pack("!BBHHH", REQUEST[family] if kind is None else kind, 0, 0x1111, 0xABCD, 0x1234) + payload


def datagram(size: int = 40) -> bytes:
    return struct.pack("!4H", 0x9999, 33434, 8 + size, 0x2222) + COOKIE.ljust(size, b"\0")


def probe(family: int, message: bytes | None = None, protocol: int | None = None, options: bytes = b"") -> bytes:
    message = echo(family) if message is None else message
    return ip_packet(ME[family], TARGET[family], message, protocol or ICMP[family], 3, options)


def received(family: int, message: bytes, options: bytes = b"", ttl: int = 57) -> bytes:
    """As a raw socket gives it: IPv4 with its header."""
    return ip_packet(HOP[4], ME[4], message, 1, ttl, options) if family == 4 else message
