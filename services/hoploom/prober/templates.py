"""Echo requests of one ping, written into the same room again and again: only what differs is set. Pure.

Source of the checksum: RFC 1071. One's complement addition of 16-bit words is addition modulo 65,535, and 65,536 is 1
there: a longer number may be taken modulo 65,535 as a whole, and bytes that lie across two words count 256 times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.packets import COOKIE_BYTES, HEADER_BYTES, Layout, build
from hoploom.targets.notation import IPV4

_MODULUS = np.uint64(0xFFFF)
_SHIFTED = np.uint64(256)


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
        blank = build(family, np.full(1, ident, np.uint16), np.zeros(1, np.uint16), np.zeros((1, 8), np.uint8), layout)
        self.most = most
        self._packets = np.repeat(blank, most, axis=0)
        self._cookies = self._packets[:, HEADER_BYTES + layout.cookie_at :][:, :COOKIE_BYTES]
        self._is_across = layout.cookie_at % 2 == 1
        checksum = blank[0, 2:4].view(np.uint16).astype(np.uint64)[0]
        self._rest = _MODULUS - checksum  # the sum of all else
        self._has_checksum = family == IPV4

    def fill(self, sequence: int, cookies: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Write requests.

        Args:
            sequence: Sequence number of the first; the others follow.
            cookies: (n,) 8 bytes each, as they lie in memory.

        Returns:
            (n, m) bytes, valid until the next call. The checksum is left out of ICMPv6: the kernel writes it.
        """
        packets = self._packets[: len(cookies)]
        sequences = np.arange(sequence, sequence + len(cookies)).astype(">u2")
        packets[:, 6:8] = sequences.view(np.uint8).reshape(-1, 2)
        self._cookies[: len(cookies)] = cookies.view(np.uint8).reshape(-1, COOKIE_BYTES)
        if self._has_checksum:
            sums = cookies % _MODULUS
            if self._is_across:
                sums *= _SHIFTED
            sums += sequences.view(np.uint16)
            sums += self._rest
            sums %= _MODULUS
            packets[:, 2:4] = (_MODULUS - sums).astype(np.uint16).view(np.uint8).reshape(-1, 2)
        return packets
