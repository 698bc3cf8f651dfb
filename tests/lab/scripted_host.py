"""Answers echo requests on loopback in whatever way a test says: twice, from elsewhere, late, by an error, not at all.

It runs where the kernel itself does not answer (`net.ipv4.icmp_echo_ignore_all=1` in a namespace), sees each request
by a raw socket and sends what the test's function makes of it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self


class Request(NamedTuple):
    """An echo request as it arrived: source and destination as text, the whole packet, and its ICMP part."""

    source: str
    destination: str
    packet: bytes
    message: bytes


class Answer(NamedTuple):
    """An ICMP message to send back, and from which address."""

    source: str
    message: bytes


Script = Callable[[Request], list[Answer]]


class ScriptedHost:
    """Every address of 127.0.0.0/8 of this namespace at once."""

    def __init__(self, script: Script) -> None:
        """Open the socket; requests are answered by `script` while this is entered as a context."""
        self._script = script
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setblocking(False)
        self.requests: list[Request] = []

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        while True:
            try:
                packet = self._socket.recv(65_535)
            except BlockingIOError:
                return
            if packet[20] == 8:
                request = Request(socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]), packet, packet[20:])
                self.requests.append(request)
                for answer in self._script(request):
                    self.send(request, answer)

    def has_seen(self, requests: int) -> bool:
        """Whether so many requests have arrived."""
        return len(self.requests) >= requests

    def send(self, request: Request, answer: Answer) -> None:
        """Send an answer, now or later than the script was asked."""
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
            sender.bind((answer.source, 0))
            sender.sendto(answer.message, (request.source, 0))


def checksummed(message: bytes) -> bytes:
    """An ICMP message with its checksum set (RFC 1071)."""
    blank = message[:2] + b"\0\0" + message[4:]
    padded = blank + b"\0" * (len(blank) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return blank[:2] + struct.pack("!H", ~total & 0xFFFF) + blank[4:]


def echo_reply(request: Request) -> bytes:
    """The reply that RFC 792 wants."""
    return checksummed(b"\0\0" + request.message[2:])


def error(request: Request, icmp_type: int, icmp_code: int, quoted: int = 1_000) -> bytes:
    """An ICMP error quoting so many bytes behind the IP header."""
    return checksummed(bytes([icmp_type, icmp_code]) + bytes(6) + request.packet[: 20 + quoted])
