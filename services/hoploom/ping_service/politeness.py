"""The worker's own check: what it never probes, and how fast it goes at most, whoever asks. Pure.

The input service has checked already; this guards against a hostile or broken one.
"""

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.notation import IPV4, IPV6
from hoploom.targets.plan import DEFAULT_PPS
from hoploom.targets.space import split
from hoploom.targets.special_purpose import Space

_EVERYTHING = {IPV4: [(0, 2**32 - 1)], IPV6: [(0, 2**128 - 1)]}
_MAPPED = bytes(10) + b"\xff\xff"
_WORD_BITS = 64


def allowed(targets: NDArray[np.uint8], *, allow_private: bool) -> NDArray[np.bool_]:
    """Which targets this worker may probe.

    Args:
        targets: (n, 16) bytes, IPv4 mapped into ::ffff:0:0/96.
        allow_private: Whether campaign and owner both gave their key to loopback and private space.

    Returns:
        (n,) True where probing is allowed.
    """
    keys = (Space.LOOPBACK, Space.PRIVATE) if allow_private else ()
    return in_space(targets, Space.PUBLIC, *keys)


def effective_rate_pps(targets: NDArray[np.uint8], asked: int, owner: int) -> int:
    """How fast this worker goes: never faster than its owner's cap, nor unlimited beyond loopback because it was asked.

    Args:
        targets: (n, 16) bytes; the slowest kind of space among them decides the default.
        asked: Packets a second that the lease allows; 0 when it sets no limit.
        owner: The owner's cap; 0 leaves it to the lease.

    Returns:
        Packets a second; 0 for no limit.
    """
    default = min((rate for space, rate in DEFAULT_PPS.items() if rate and in_space(targets, space).any()), default=0)
    limits = [rate for rate in (asked or default, owner) if rate]
    return min(limits, default=0)


def in_space(targets: NDArray[np.uint8], *spaces: Space) -> NDArray[np.bool_]:
    """Which of (n, 16) bytes of addresses lie in one of these kinds of space."""
    mapped = (targets[:, :12] == np.frombuffer(_MAPPED, dtype=np.uint8)).all(axis=1)
    words = np.ascontiguousarray(targets).view(">u8").astype(np.uint64).reshape(-1, 2)
    found = np.zeros(len(targets), dtype=bool)
    for space in spaces:
        found[mapped] |= _inside(words[mapped], _RANGES[IPV4, space])
        found[~mapped] |= _inside(words[~mapped], _RANGES[IPV6, space])
    return found


def _inside(words: NDArray[np.uint64], ranges: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether (high, low) lies in any range (first high, first low, last high, last low); the ranges are few."""
    inside = np.zeros(len(words), dtype=bool)
    high, low = words[:, 0], words[:, 1]
    for first_high, first_low, last_high, last_low in ranges:
        after = (high > first_high) | ((high == first_high) & (low >= first_low))
        before = (high < last_high) | ((high == last_high) & (low <= last_low))
        inside |= after & before
    return inside


def _table(family: int, space: Space) -> NDArray[np.uint64]:
    prefix = 0xFFFF << 32 if family == IPV4 else 0
    low_mask = 2**_WORD_BITS - 1
    rows = [
        (first >> _WORD_BITS, first & low_mask | prefix, last >> _WORD_BITS, last & low_mask | prefix)
        for first, last in split(family, _EVERYTHING[family]).get(space, [])
    ]
    return np.array(rows, dtype=np.uint64).reshape(-1, 4)


_RANGES = {(family, space): _table(family, space) for family in (IPV4, IPV6) for space in Space}
