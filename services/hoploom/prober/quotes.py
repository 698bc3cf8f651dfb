"""The packet that an ICMP error quotes: where its transport header begins and where it was going. Pure.

Of a quote only that is used which a router has to leave alone; its checksums, lengths and fragment fields are known to
come back rewritten or in the wrong byte order and are not looked at.

Sources: RFC 792, RFC 4443 section 2.4(c) (what is quoted), RFC 791 and RFC 8200 section 4 (headers).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.windows import Bytes, Places, window
from hoploom.targets.notation import IPV4, IPV6
from hoploom.wire.addresses import MAPPED_PREFIX

_UNREADABLE = np.uint8(255)
"""In place of a protocol number; IANA reserves it."""
HEADER = {IPV4: 20, IPV6: 40}
"""Bytes of an IP header without options."""
_MOST_EXTENSIONS = 4
"""Our probes carry none; a host on the way may add some, nobody a chain of them."""
_FRAGMENT = 44
_EXTENSIONS = (0, 43, _FRAGMENT, 60)
"""Hop-by-hop options, routing, fragment, destination options."""


class Quote(NamedTuple):
    """Quoted packets, a row an error.

    Attributes:
        transport: (n,) where the transport header begins in the row.
        protocol: (n,) uint8: its IANA protocol number; 255, which is reserved, where there is none.
        about: (n, 16) where the packet was going, IPv4 mapped.
        ttl: (n,) int16: its TTL or hop limit when it was quoted.
    """

    transport: Places
    protocol: NDArray[np.uint8]
    about: Bytes
    ttl: NDArray[np.int16]


def locate(data: Bytes, at: Places, end: Places, family: int) -> Quote:
    """Read the IP headers of quoted packets.

    Args:
        data: (n, w) messages.
        at: (n,) where the quoted packet begins in each.
        end: (n,) where each message ends.
        family: 4 or 6.

    Returns:
        What they say; quotes of another IP version, or whose header says less than 20 bytes, have the protocol 255. Of
        a quote that ends before its transport header, `transport` is at or behind `end`.
    """
    header = window(data, at, HEADER[family], end)
    is_good = header[:, 0] >> 4 == family
    if family == IPV6:
        protocol, ttl = np.where(is_good, header[:, 6], _UNREADABLE), header[:, 7].astype(np.int16)
        return _walked(data, end, Quote(at + HEADER[IPV6], protocol, header[:, 24:], ttl))
    size = (header[:, 0] & 15).astype(np.int64) * 4
    about = np.empty((len(header), 16), np.uint8)
    about[:, :12] = np.frombuffer(MAPPED_PREFIX, np.uint8)
    about[:, 12:] = header[:, 16:]
    protocol = np.where(is_good & (size >= HEADER[IPV4]), header[:, 9], _UNREADABLE)
    return Quote(at + size, protocol, about, header[:, 8].astype(np.int16))


def _walked(data: Bytes, end: Places, quote: Quote) -> Quote:
    """Step over IPv6 extension headers."""
    transport, protocol = quote.transport, quote.protocol
    for _ in range(_MOST_EXTENSIONS):
        is_extension = np.isin(protocol, _EXTENSIONS)
        if not is_extension.any():
            break
        header = window(data, transport, 2, end)
        size = np.where(protocol == _FRAGMENT, 8, (header[:, 1].astype(np.int64) + 1) * 8)
        transport = np.where(is_extension, transport + size, transport)
        protocol = np.where(is_extension, header[:, 0], protocol)
    return quote._replace(transport=transport, protocol=protocol)
