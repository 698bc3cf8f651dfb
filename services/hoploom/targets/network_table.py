"""From addresses to networks, millions at a time: a document of networks laid out in arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.networks import Ranges
from hoploom.targets.notation import BITS, IPV4, IPV6, block_text

_BYTES: Final = 16
_MAPPED: Final = 0xFFFF << 32
"""::ffff:0:0/96, under which IPv4 addresses travel (RFC 4291 section 2.5.5.2)."""
_FIRST_OCTET: Final = {IPV4: 12, IPV6: 0}
_UNNAMED_BITS: Final = 8
"""Of the prefixes that name what is in no network: at most 256 of each family, whoever sends what."""
_VALUES: Final = 1 << _UNNAMED_BITS


class NetworkTable:
    """The networks of a campaign; what is in none of them is called by its /8."""

    def __init__(self, networks: Mapping[str, Ranges]) -> None:
        """Lay networks out.

        Args:
            networks: Disjoint ranges by name and family; none where nothing is known of the campaign.
        """
        self._names = tuple(networks)
        rows = sorted(
            (first + offset, last + offset, number)
            for number, ranges in enumerate(networks.values())
            for family, each in ranges.items()
            for offset in (_MAPPED if family == IPV4 else 0,)
            for first, last in each
        )
        self._firsts = _packed([first for first, _, _ in rows])
        self._lasts = _packed([last for _, last, _ in rows])
        self._numbers = np.array([number for *_, number in rows], np.int64)

    def of(self, addresses: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The network of each address.

        Args:
            addresses: (n, 16) in network byte order, IPv4 mapped.

        Returns:
            (n,) numbers, for `name`.
        """
        found = self._unnamed(addresses)
        if len(self._numbers):
            packed = np.ascontiguousarray(addresses).view(f"S{_BYTES}").reshape(-1)
            at = np.searchsorted(self._firsts, packed, side="right") - 1
            inside = (at >= 0) & (packed <= self._lasts[at])
            found[inside] = self._numbers[at[inside]]
        return found

    def name(self, number: int) -> str:
        """What a network is called."""
        if number < len(self._names):
            return self._names[number]
        which, octet = divmod(number - len(self._names), _VALUES)
        family = (IPV4, IPV6)[which]
        return block_text(family, octet << (BITS[family] - _UNNAMED_BITS), _UNNAMED_BITS)

    def _unnamed(self, addresses: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Numbers of the /8 that addresses lie in: those of IPv4 behind those of networks, then those of IPv6."""
        words = np.ascontiguousarray(addresses).view(">u8").reshape(-1, 2)
        is_ipv6 = (words[:, 0] != 0) | (words[:, 1] >> np.uint64(32) != _MAPPED >> 32)
        octet = np.where(is_ipv6, addresses[:, _FIRST_OCTET[IPV6]], addresses[:, _FIRST_OCTET[IPV4]])
        found: NDArray[np.int64] = len(self._names) + _VALUES * is_ipv6.astype(np.int64) + octet
        return found


def _packed(numbers: list[int]) -> NDArray[np.bytes_]:
    """(n,) numbers of 128 bits as bytes that sort as they do."""
    return np.frombuffer(b"".join(each.to_bytes(_BYTES) for each in numbers), f"S{_BYTES}")
