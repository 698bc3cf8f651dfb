"""Which hops of a report may become targets: in public space, no target of the campaign yet, left out by nobody. Pure.

A report is a stranger's word: what it names is checked as if it were a target list, by whoever decides about the hop.
"""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hoploom.targets.address_set import ADDRESS_BYTES, AddressSet
from hoploom.targets.ranges import Range, merge
from hoploom.targets.space import split
from hoploom.targets.special_purpose import Space
from hoploom.wire.hops import Hop

Ranges = Mapping[int, Sequence[Range]]
"""Merged ranges of addresses by family."""


@dataclass(frozen=True, kw_only=True)
class Sieve:
    """What holds hops back.

    Attributes:
        sets: The campaign's own targets: this round or the next one covers them.
        excludes: What the campaign leaves out.
        opt_outs: What nobody probes.
        attended: Whether somebody answers for probes of other people's networks (RFC 9511).
    """

    sets: Sequence[AddressSet] = ()
    excludes: Ranges = field(default_factory=dict)
    opt_outs: Ranges = field(default_factory=dict)
    attended: bool = True

    def sift(self, hops: Sequence[Hop]) -> tuple[list[Hop], dict[str, int]]:
        """Split hops.

        Returns:
            Those that may become targets, and how many of the others were held back, by the first reason that holds.
        """
        held = {
            "special": _special(hops),
            "in_set": _members(hops, self.sets),
            "excluded": _inside(hops, self.excludes) if self.attended else set(hops),
            "opted_out": _inside(hops, self.opt_outs),
        }
        counts, seen = {}, set[Hop]()
        for reason, found in held.items():
            counts[reason] = len(found - seen)
            seen |= found
        return [each for each in hops if each not in seen], counts


def _special(hops: Iterable[Hop]) -> set[Hop]:
    """Addresses outside the public Internet: each sees another router under them, or none (RFC 6890)."""
    hops = set(hops)
    public = {}
    for family in {each.family for each in hops}:
        ranges = merge((each.number, each.number) for each in hops if each.family == family)
        public[family] = split(family, ranges).get(Space.PUBLIC, [])
    return hops - _inside(hops, public)


def _inside(hops: Iterable[Hop], ranges: Ranges) -> set[Hop]:
    return {each for each in hops if _covers(ranges.get(each.family, ()), each.number)}


def _covers(ranges: Sequence[Range], number: int) -> bool:
    at = bisect.bisect(ranges, number, key=lambda each: each[0]) - 1
    return at >= 0 and number <= ranges[at][1]


def _members(hops: Sequence[Hop], sets: Iterable[AddressSet]) -> set[Hop]:
    packed = np.frombuffer(b"".join(each.packed for each in hops), np.uint8).reshape(-1, ADDRESS_BYTES)
    found = np.zeros(len(hops), np.bool_)
    for each in sets:
        found |= each.contains(packed)
    return {hop for hop, is_member in zip(hops, found, strict=True) if is_member}
