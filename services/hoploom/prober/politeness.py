"""The worker's own check: what it never probes, and how fast it goes at most, whoever asks. Pure.

The input service has checked already; this guards against a hostile or broken one. Opt-outs are kept here alone: they
take no target out of a campaign, so that its order stays what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.targets.notation import IPV4, IPV6
from hoploom.targets.plan import DEFAULT_PPS
from hoploom.targets.ranges import Range, subtract
from hoploom.targets.space import split
from hoploom.targets.special_purpose import Space
from hoploom.wire.addresses import MAPPED_PREFIX, WIDTH

_EVERYTHING = {IPV4: [(0, 2**32 - 1)], IPV6: [(0, 2**128 - 1)]}
_MAPPED = int.from_bytes(MAPPED_PREFIX, "big") << 32
_TEXT = f"S{WIDTH}"
"""Sixteen bytes that NumPy compares as one value; it pads shorter ones with zeros, so none is cut short."""


class Blocks(NamedTuple):
    """Addresses of both families as sorted, disjoint ranges.

    Attributes:
        firsts: First address of each, 16 bytes.
        lasts: Last address of each, inclusive.
    """

    firsts: NDArray[Any]
    lasts: NDArray[Any]


def blocks(ranges: Mapping[int, Sequence[Range]]) -> Blocks:
    """Ranges ready to be compared with many addresses.

    Args:
        ranges: A merged list of addresses for each family, 4 and 6.
    """
    mapped = [(first | _MAPPED, last | _MAPPED) for first, last in ranges.get(IPV4, ())]
    # What lies in ::ffff:0:0/96 is IPv4 here, so no range of IPv6 speaks of it.
    both = sorted([*mapped, *subtract(ranges.get(IPV6, ()), [(_MAPPED, _MAPPED | 2**32 - 1)])])
    return Blocks(*(np.array([each[end].to_bytes(WIDTH, "big") for each in both], _TEXT) for end in (0, 1)))


def inside(targets: NDArray[np.uint8], found: Blocks) -> NDArray[np.bool_]:
    """Which of (n, 16) bytes of addresses lie in one of these ranges."""
    if not len(targets) or not len(found.firsts):
        return np.zeros(len(targets), dtype=bool)
    addresses = np.ascontiguousarray(targets).view(_TEXT).reshape(-1)
    before = np.searchsorted(found.firsts, addresses, side="right") - 1
    hit: NDArray[np.bool_] = (before >= 0) & (addresses <= found.lasts[np.maximum(before, 0)])
    return hit


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


def effective_rate_pps(targets: NDArray[np.uint8], asked: int, *caps: int) -> int:
    """How fast this worker goes: never faster than any cap, nor unlimited beyond loopback because it was asked.

    Args:
        targets: (n, 16) bytes; the slowest kind of space among them decides the default.
        asked: Packets a second that the lease allows; 0 when it sets no limit.
        caps: Of the worker's owner, of the whole mesh; 0 for none.

    Returns:
        Packets a second; 0 for no limit.
    """
    default = min((rate for space, rate in DEFAULT_PPS.items() if rate and in_space(targets, space).any()), default=0)
    return smallest(asked or default, *caps)


def smallest(*limits: int) -> int:
    """The smallest of several limits, of which 0 sets none; 0 when none does."""
    return min((each for each in limits if each), default=0)


def in_space(targets: NDArray[np.uint8], *spaces: Space) -> NDArray[np.bool_]:
    """Which of (n, 16) bytes of addresses lie in one of these kinds of space."""
    found = np.zeros(len(targets), dtype=bool)
    for space in spaces:
        found |= inside(targets, _SPACES[space])
    return found


_PARTS = {family: split(family, everything) for family, everything in _EVERYTHING.items()}
_SPACES = {space: blocks({family: parts.get(space, []) for family, parts in _PARTS.items()}) for space in Space}
