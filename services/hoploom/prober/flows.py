"""Probes of traceroutes: bytes chosen so that all probes to one destination take one path. Pure.

Routers with several equal paths choose one by the addresses, the protocol and the first four bytes behind the IP
header. Of UDP those are the ports, so a probe says its TTL by its length. Of ICMP they are type, code and checksum, so
two bytes of the payload make up for whatever differs between probes, and the checksum stays the destination's own.

Over IPv6 the kernel adds the addresses to the checksum: it is another one then, and as constant.

Sources: Augustin et al. 2006, "Avoiding traceroute anomalies with Paris traceroute"; RFC 1071 (checksum); Huang et al.
2020, "FlashRoute" (says by a datagram's length what its ports may not say).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.packets import COOKIE_BYTES, HEADER_BYTES, Layout, checksums
from hoploom.prober.probes import MAX_SIZE_BYTES
from hoploom.prober.traces import MAX_TTL
from hoploom.targets.mixing import mix

_FUDGE_BYTES = 2
_CHECKSUMS = 0xFFFE
"""1 to 0xFFFE: 0 and 0xFFFF are the same number to RFC 1071, and which of them a sender writes is its own choice."""


def echo_layout(attribution: bytes, size_bytes: int) -> Layout:
    """A payload with room for the two bytes that `hold` sets."""
    return Layout(attribution, max(size_bytes, _fudge_at(Layout(attribution, 0)) + _FUDGE_BYTES))


def _fudge_at(layout: Layout) -> int:
    """Where in the payload those bytes stand: behind the cookie, on a 16-bit boundary of the message."""
    return -(-(layout.cookie_at + COOKIE_BYTES) // 2) * 2


def destination_checksums(targets: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The ICMP checksum that all echo requests to a destination have: the same in every trace, spread over its values.

    Args:
        targets: (n, 16) bytes.

    Returns:
        (n,) numbers from 1 to 0xFFFE.
    """
    halves = np.ascontiguousarray(targets).view("<u8")
    mixed = mix(mix(halves[:, 0].astype(np.uint64)) ^ halves[:, 1])
    return (mixed % np.uint64(_CHECKSUMS) + np.uint64(1)).astype(np.uint16)


def hold(packets: NDArray[np.uint8], wanted: NDArray[np.uint16], layout: Layout) -> None:
    """Give echo requests the checksums that they are to have, and make them true.

    On datagram sockets the kernel writes identifier and checksum itself: the checksum is the wanted one where `packets`
    were built with the identifier that the kernel gives.

    Args:
        packets: (n, m) bytes from `build` with a layout of `echo_layout`; changed in place.
        wanted: (n,) checksums, 1 to 0xFFFE.
        layout: The payload.
    """
    at = HEADER_BYTES + _fudge_at(layout)
    packets[:, 2:4] = wanted.astype(">u2").view(np.uint8).reshape(-1, 2)
    packets[:, at : at + _FUDGE_BYTES] = 0
    packets[:, at : at + _FUDGE_BYTES] = checksums(packets)


def datagrams(ttl: int, cookie: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """UDP payloads of probes with one TTL, which they say by their length.

    Args:
        ttl: 1 to `MAX_TTL`.
        cookie: (n, 8) bytes.
        layout: Attribution and cookie, and the size asked for; probes are `ttl` bytes longer, and the largest sizes are
            cut by `MAX_TTL` bytes so that this fits.

    Returns:
        (n, size + ttl) bytes.
    """
    payload = layout.payload[: MAX_SIZE_BYTES - MAX_TTL] + bytes(ttl)
    packets = np.tile(np.frombuffer(payload, np.uint8), (len(cookie), 1))
    packets[:, layout.cookie_at : layout.cookie_at + COOKIE_BYTES] = cookie
    return packets


def datagram_ttls(lengths: NDArray[np.uint16], layout: Layout) -> NDArray[np.uint8]:
    """The TTLs that `datagrams` put into their lengths.

    Args:
        lengths: (n,) length fields of UDP headers, which count the header's 8 bytes.
        layout: As given to `datagrams`.

    Returns:
        (n,) TTLs, 0 where the length is none of ours.
    """
    ttls = lengths.astype(np.int64) - HEADER_BYTES - min(len(layout.payload), MAX_SIZE_BYTES - MAX_TTL)
    return np.where((ttls >= 1) & (ttls <= MAX_TTL), ttls, 0).astype(np.uint8)
