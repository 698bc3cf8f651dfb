"""Which positions of one order were probed a moment ago and may not be handed out again yet. Pure; time is passed in.

Kept by whoever owns a shard, for as long as its order lasts: over rounds, and over groups where the cooldown counts
over the mesh. It holds a few KB whatever the number of targets: what does not fit is blocked for longer, never shorter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

from hoploom.kit.errors import BadRequest
from hoploom.targets.ranges import Range, merge, subtract
from hoploom.wire.fields import MAX_INTEGER

MAX_ENTRIES = 128
"""Some 4 KB as text: less than the done ranges of a shard's record, beside which it lies."""

_MS = 1000


class Entry(NamedTuple):
    """Positions that rest.

    Attributes:
        first: First position.
        last: Last position, inclusive.
        until_s: When they may be handed out again, on the owner's own clock.
    """

    first: int
    last: int
    until_s: float


@dataclass(frozen=True)
class Cooling:
    """What may not be handed out now: the leases that are out, and what rests after them.

    Attributes:
        cooldown_s: Seconds between the end of a lease and the next one of the same positions; above 0. Where a cap per
            network holds, at least `budget.LINGER_S`, also for a campaign that asks for no cooldown.
        entries: What rests, sorted and disjoint, at most `MAX_ENTRIES`.
        out: The leases that are out, as inclusive ranges; the records know them too.
    """

    cooldown_s: float
    entries: tuple[Entry, ...] = ()
    out: frozenset[Range] = frozenset()

    def add(self, leased: Range, now_s: float) -> Cooling:
        """Note that positions are handed out; doing so again changes nothing.

        Args:
            leased: The positions, inclusive.
            now_s: Seconds on the owner's own clock.
        """
        return replace(self, entries=self._resting(now_s), out=self.out | {leased})

    def ended(self, leased: Range, now_s: float) -> Cooling:
        """Note that nobody probes these positions any more: the lease is done, given back or has run out.

        Only now their rest begins, because until now they may have been probed.

        Args:
            leased: What `add` was told; the whole lease, of which any part may have been probed.
            now_s: Seconds on the owner's own clock.
        """
        rest = Entry(*leased, now_s + self.cooldown_s)
        others = [part for each in self._resting(now_s) for part in _outside(each, leased)]
        entries = _coarse(sorted([*others, rest]), now_s)
        return replace(self, entries=tuple(entries), out=self.out - {leased})

    def blocked(self, now_s: float) -> list[Range]:
        """The positions that may not be handed out now, as a merged list."""
        return merge([*self.out, *((each.first, each.last) for each in self._resting(now_s))])

    def next_free_s(self, now_s: float) -> float | None:
        """Seconds until the first positions have rested; None where none rest, though leases may be out."""
        return min((each.until_s - now_s for each in self._resting(now_s)), default=None)

    def to_json(self, now_s: float) -> list[list[int]]:
        """What rests as `[first, last, milliseconds left]`; what is out counts as if it ended now."""
        whole = self
        for leased in sorted(self.out):
            whole = whole.ended(leased, now_s)
        return [[each.first, each.last, math.ceil((each.until_s - now_s) * _MS)] for each in whole._resting(now_s)]

    @staticmethod
    def from_json(document: object, cooldown_s: float, now_s: float) -> Cooling:
        """Read what `to_json` wrote; whatever time has passed since, all timers begin anew.

        Whoever takes a shard over adds the leases that its records hold: they may still be probed.

        Args:
            document: Parsed JSON.
            cooldown_s: See `Cooling`.
            now_s: Seconds on the reader's own clock.

        Raises:
            BadRequest: It is damaged.
        """
        if not isinstance(document, list) or len(document) > MAX_ENTRIES:
            raise BadRequest(f"what cools down is a list of at most {MAX_ENTRIES} entries")
        entries = tuple(_entry(each, now_s) for each in document)
        if any(one.last >= other.first for one, other in pairwise(entries)):
            raise BadRequest("what cools down is not sorted")
        return Cooling(cooldown_s, entries)

    def _resting(self, now_s: float) -> tuple[Entry, ...]:
        return tuple(each for each in self.entries if each.until_s > now_s)


def _outside(entry: Entry, leased: Range) -> list[Entry]:
    """The parts of an entry outside a range: inside it a later time holds now."""
    return [Entry(first, last, entry.until_s) for first, last in subtract([(entry.first, entry.last)], [leased])]


def _coarse(entries: list[Entry], now_s: float) -> list[Entry]:
    """Join neighbours, with the gap between them and until the later time, as long as there are too many."""
    while len(entries) > MAX_ENTRIES:
        at = min(range(len(entries) - 1), key=lambda at: _cost(entries[at], entries[at + 1], now_s))
        entries[at : at + 2] = [_joined(entries[at], entries[at + 1])]
    return entries


def _joined(one: Entry, other: Entry) -> Entry:
    return Entry(one.first, other.last, max(one.until_s, other.until_s))


def _cost(one: Entry, other: Entry, now_s: float) -> float:
    """Position-seconds that joining two neighbours blocks in vain."""
    area, before, after = (
        (each.last - each.first + 1) * (each.until_s - now_s) for each in (_joined(one, other), one, other)
    )
    return area - before - after


def _entry(listed: Any, now_s: float) -> Entry:
    whole = isinstance(listed, list) and len(listed) == len(Entry._fields) and all(type(each) is int for each in listed)
    if not whole or not 0 <= listed[0] <= listed[1] < MAX_INTEGER or not 0 <= listed[2] < MAX_INTEGER:
        raise BadRequest("an entry of what cools down is [first, last, milliseconds left]")
    first, last, left_ms = listed
    return Entry(first, last, now_s + left_ms / _MS)
