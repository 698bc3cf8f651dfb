"""Packets that a kernel handed to the internet, as columns of probes. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lab.internet.topology import ICMP, UDP

HEADER_BYTES = {4: 20, 6: 40}
_SHORTEST = 8
"""Bytes of an ICMP or UDP header."""
_ICMP_V4, _UDP, _ICMP_V6 = 1, 17, 58
_ECHO_V4, _ECHO_V6 = 8, 128
_MAPPED = np.array([0] * 10 + [255] * 2, np.uint8)


class Probes(NamedTuple):
    """Echo requests and UDP datagrams, a row each.

    Attributes:
        row: (n,) int64: its row among the packets; packets of any other kind have none.
        is_v6: (n,) bool.
        target: (n, 16) uint8: destination, IPv4 mapped.
        ttl: (n,) uint8: TTL or hop limit.
        flow: (n,) uint64: the first four bytes behind the IP header; for IPv6 the flow label above them.
        protocol: (n,) uint8: `ICMP` or `UDP`.
    """

    row: NDArray[np.int64]
    is_v6: NDArray[np.bool_]
    target: NDArray[np.uint8]
    ttl: NDArray[np.uint8]
    flow: NDArray[np.uint64]
    protocol: NDArray[np.uint8]


def parse(packets: NDArray[np.uint8], lengths: NDArray[np.int64]) -> Probes:
    """Find the probes among packets.

    IPv4 headers with options and later fragments are no probes, nor are IPv6 packets with extension headers.

    Args:
        packets: (n, w): each from its IP header on; w >= 64.
        lengths: (n,): bytes of each.
    """
    v4 = _rows_v4(packets, lengths)
    v6 = _rows_v6(packets, lengths)
    row = np.sort(np.concatenate([v4, v6]))
    is_v6 = packets[row, 0] >> 4 == 6
    target = np.where(is_v6[:, None], packets[row, 24:40], np.zeros(16, np.uint8))
    target[~is_v6, :12] = _MAPPED
    target[~is_v6, 12:] = packets[row[~is_v6], 16:20]
    is_udp = np.where(is_v6, packets[row, 6], packets[row, 9]) == _UDP
    return Probes(
        row,
        is_v6,
        target,
        np.where(is_v6, packets[row, 7], packets[row, 8]),
        _flows(packets, row, is_v6),
        np.where(is_udp, UDP, ICMP).astype(np.uint8),
    )


def _rows_v4(packets: NDArray[np.uint8], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    is_whole = (packets[:, 0] == 0x45) & (packets[:, 6] & 0x1F == 0) & (packets[:, 7] == 0)
    is_echo = (packets[:, 9] == _ICMP_V4) & (packets[:, 20] == _ECHO_V4)
    return np.flatnonzero(is_whole & (is_echo | (packets[:, 9] == _UDP)) & (lengths >= HEADER_BYTES[4] + _SHORTEST))


def _rows_v6(packets: NDArray[np.uint8], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    is_echo = (packets[:, 6] == _ICMP_V6) & (packets[:, 40] == _ECHO_V6)
    is_kind = (packets[:, 0] >> 4 == 6) & (is_echo | (packets[:, 6] == _UDP))
    return np.flatnonzero(is_kind & (lengths >= HEADER_BYTES[6] + _SHORTEST))


def _flows(packets: NDArray[np.uint8], row: NDArray[np.int64], is_v6: NDArray[np.bool_]) -> NDArray[np.uint64]:
    four = np.where(is_v6[:, None], packets[row, 40:44], packets[row, 20:24])
    label = np.where(is_v6[:, None], packets[row, 0:4] & np.array([0, 0x0F, 255, 255], np.uint8), 0).astype(np.uint8)
    return np.ascontiguousarray(np.hstack([label, four])).view(">u8").astype(np.uint64).reshape(-1)
