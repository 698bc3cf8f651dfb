"""Addresses as 16 bytes (IPv4 mapped into ::ffff:0:0/96) and as the text that people read.

Columns of addresses travel as one (n, 16) array of bytes, so that both families have one width. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address
from socket import AF_INET, AF_INET6, inet_ntop

import numpy as np
from numpy.typing import NDArray

WIDTH = 16
MAPPED_PREFIX = bytes(10) + b"\xff\xff"
"""RFC 4291 section 2.5.5.2: where IPv4 lives inside IPv6."""
_MAPPED_WORD = int.from_bytes(MAPPED_PREFIX[8:], "little")
NONE = bytes(WIDTH)
"""No address: the unspecified one, which nothing answers from (RFC 4291 section 2.5.2)."""


def parse(text: str) -> bytes:
    """The 16 bytes of an address in text; the empty text is no address.

    Raises:
        ValueError: the text is no IPv4 or IPv6 address.
    """
    if text == "":
        return NONE
    address = ip_address(text)
    return MAPPED_PREFIX + address.packed if isinstance(address, IPv4Address) else address.packed


def column(texts: Iterable[str]) -> NDArray[np.uint8]:
    """Addresses in text as an (n, 16) array of bytes.

    Raises:
        ValueError: one of them is no address.
    """
    return np.frombuffer(b"".join(map(parse, texts)), np.uint8).reshape(-1, WIDTH)


def text(packed: bytes) -> str:
    """The text of 16 bytes: dotted quad for mapped IPv4, RFC 5952 for IPv6, empty for no address."""
    if packed == NONE:
        return ""
    if packed.startswith(MAPPED_PREFIX):
        return inet_ntop(AF_INET, packed[len(MAPPED_PREFIX) :])
    return inet_ntop(AF_INET6, packed)


def texts(addresses: NDArray[np.uint8]) -> list[str]:
    """The texts of an (n, 16) array of bytes, in its order."""
    raw = addresses.tobytes()
    if not raw.strip(b"\0"):
        return [""] * len(addresses)
    return [text(raw[at : at + WIDTH]) for at in range(0, len(raw), WIDTH)]


def is_mapped(addresses: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of an (n, 16) array of bytes are IPv4."""
    words = addresses.view("<u4")
    found: NDArray[np.bool_] = (words[:, 2] == _MAPPED_WORD) & (words[:, 0] == 0) & (words[:, 1] == 0)
    return found
