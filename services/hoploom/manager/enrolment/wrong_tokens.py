"""Counts wrong tokens by the address they come from, and has who tries too many wait. Pure; time is passed in.

80 bits are not guessed; this keeps who tries from costing the store a read each.
"""

from __future__ import annotations

import ipaddress

MOST = 10
"""Wrong tokens from one address until it has to wait: people mistype, and several may sit behind one address."""

REFILL_S = 60.0
"""After this time one more is allowed."""

MOST_ADDRESSES = 10_000
_IPV6_NETWORK = 64


class WrongTokens:
    """A bucket an address: it is filled by wrong tokens, and empties by the time."""

    def __init__(self) -> None:
        """Nobody has tried."""
        # Address: how many, as of when; who tried last stands last.
        self._tried: dict[str, tuple[float, float]] = {}

    def wait_s(self, address: str, now_s: float) -> float:
        """Seconds that an address has to wait before it may try; 0 for not at all."""
        return max(0.0, (self._level(_network(address), now_s) - (MOST - 1)) * REFILL_S)

    def wrong(self, address: str, now_s: float) -> None:
        """An address has sent a wrong token."""
        network = _network(address)
        level = self._level(network, now_s)
        self._tried.pop(network, None)
        if len(self._tried) >= MOST_ADDRESSES:
            del self._tried[next(iter(self._tried))]
        self._tried[network] = level + 1, now_s

    def _level(self, network: str, now_s: float) -> float:
        level, since_s = self._tried.get(network, (0.0, now_s))
        return max(0.0, level - (now_s - since_s) / REFILL_S)


def _network(address: str) -> str:
    """What one household has: an IPv4 address, or a /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004 - the version of IP
        return address
    return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))
