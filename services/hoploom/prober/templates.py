"""Echo requests of one ping, written into the same room again and again: only what differs is set. Pure.

Source of the checksum: RFC 1071. One's complement addition of 16-bit words is addition modulo 65,535, and 65,536 is 1
there: a longer number may be taken modulo 65,535 as a whole, and bytes that lie across two words count 256 times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.packets import HEADER_BYTES, Layout, build
from hoploom.targets.notation import IPV4

_MODULUS = np.uint64(0xFFFF)
_ACROSS = np.uint64(256)


class Template:
    """Room for requests that share identifier and layout.

    Attributes:
        most: Requests at a time.
    """

    def __init__(self, family: int, layout: Layout, ident: int, most: int) -> None:
        """Lay the requests out.

        Args:
            family: 4 or 6.
            layout: The payload.
            ident: Identifier of all.
            most: Requests at a time.
        """
        self.most = most
        blank = build(family, np.full(1, ident, np.uint16), np.zeros(1, np.uint16), np.zeros((1, 8), np.uint8), layout)
        self._packets = np.repeat(blank, most, axis=0)
        self._checksums, self._sequences = _column(self._packets, 2, ">u2"), _column(self._packets, 6, ">u2")
        self._cookies = _column(self._packets, HEADER_BYTES + layout.cookie_at, ">u8")
        self._across = _ACROSS if layout.cookie_at % 2 else None
        self._rest = _MODULUS - np.uint64(self._checksums[0])  # the sum of all else
        self._has_checksum = family == IPV4

    def fill(self, sequence: int, cookies: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Write requests.

        Args:
            sequence: Sequence number of the first; the others follow.
            cookies: (n,) 8 bytes each, as they lie in memory.

        Returns:
            (n, m) bytes, valid until the next call. The checksum is left out of ICMPv6: the kernel writes it.
        """
        count, as_sent = len(cookies), cookies.view(">u8")
        sequences = np.arange(sequence, sequence + count, dtype=np.uint64)
        self._sequences[:count], self._cookies[:count] = sequences, as_sent
        if self._has_checksum:
            sums = as_sent % _MODULUS
            if self._across is not None:
                sums *= self._across
            sums += sequences
            sums += self._rest
            sums %= _MODULUS
            self._checksums[:count] = _MODULUS - sums
        return self._packets[:count]


def _column(packets: NDArray[np.uint8], at: int, kind: str) -> NDArray[Any]:
    """A number in each packet, wherever it begins."""
    return np.ndarray(len(packets), kind, packets.data, at, packets.strides[:1])
