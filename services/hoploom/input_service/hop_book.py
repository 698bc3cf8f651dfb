"""The hops of one slot: which became targets in the last 24 hours, and which wait. Pure; time is passed in.

A hop is known from the moment when it is taken; it is forgotten when the chunk that made it a target is a day old. What
waits here is in the outputs' stores too, so whoever takes the slot over finds it there.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from hoploom.wire.hops import REMEMBERED_S, SLOTS, Hop, by_slot

MAX_KNOWN = 16_384
"""Of a slot: a million of the mesh, more routers than traceroutes find in a day; 200 MB where one owns all slots."""

MAX_REPORTERS = 1024
"""Of a slot; a worker's name is what it says it is, so that their number has to be bounded too."""

CHUNK_HOPS = 4096
"""Hops that become targets together: one shard."""


class Taken(NamedTuple):
    """What became of some hops.

    Attributes:
        new: Will become targets.
        known: Are or will be targets already.
        capped: Were too many, of this worker or at all.
    """

    new: int = 0
    known: int = 0
    capped: int = 0


class HopBook:
    """What the owner of a slot knows of its hops, each as 16 bytes (`Hop.packed`)."""

    def __init__(self, a_worker_a_day: int) -> None:
        """Know nothing yet.

        Args:
            a_worker_a_day: New hops that one worker may report in a day over all slots; each slot allows its part.
        """
        self._cap = math.ceil(a_worker_a_day / SLOTS)
        self._until_s: dict[bytes, float] = {}
        self._waiting: dict[str, dict[bytes, float]] = {}
        self._reported: dict[str, tuple[float, int]] = {}

    def __len__(self) -> int:
        """How many hops are known."""
        return len(self._until_s)

    @property
    def campaigns(self) -> list[str]:
        """The campaigns whose hops wait here."""
        return list(self._waiting)

    def waiting(self, campaign: str) -> Mapping[bytes, float]:
        """The hops that wait to become targets of a campaign, oldest first, with the time since when."""
        return self._waiting.get(campaign, {})

    def knows(self, hop: bytes, now_s: float) -> bool:
        """Whether a hop is a target of this day, or waits to become one."""
        return self._until_s.get(hop, -math.inf) > now_s

    def take(self, worker: str, campaign: str, hops: Iterable[bytes], now_s: float) -> Taken:
        """Let hops wait that are not known.

        Args:
            worker: Who found them.
            campaign: The campaign that probes them.
            hops: Hops of this slot that may be probed.
            now_s: Now, on the owner's own clock.
        """
        began_s, reported = self._reported.get(worker, (now_s, 0))
        if now_s - began_s >= REMEMBERED_S:
            began_s, reported = now_s, 0
        new = known = capped = 0
        for hop in hops:
            if self.knows(hop, now_s):
                known += 1
            elif reported + new >= self._room(worker) or len(self._until_s) >= MAX_KNOWN:
                capped += 1
            else:
                new += 1
                self._until_s[hop] = math.inf
                self._waiting.setdefault(campaign, {})[hop] = now_s
        if new:
            self._reported[worker] = (began_s, reported + new)
        return Taken(new, known, capped)

    def made(self, hops: Iterable[bytes], until_s: float) -> None:
        """Hops are targets now; they are forgotten at `until_s`."""
        for hop in hops:
            self._until_s[hop] = until_s
            for campaign in self.campaigns:
                self._waiting[campaign].pop(hop, None)
        self._waiting = {campaign: hops for campaign, hops in self._waiting.items() if hops}

    def drop(self, campaign: str) -> None:
        """Nobody probes for a campaign any more: forget what waits for it."""
        for hop in self._waiting.pop(campaign, {}):
            del self._until_s[hop]

    def forget(self, now_s: float) -> None:
        """Keep nothing that is over."""
        self._until_s = {hop: until_s for hop, until_s in self._until_s.items() if until_s > now_s}
        self._reported = {
            worker: (began_s, count)
            for worker, (began_s, count) in self._reported.items()
            if now_s - began_s < REMEMBERED_S
        }

    def _room(self, worker: str) -> int:
        """How many new hops a worker may report."""
        return self._cap if worker in self._reported or len(self._reported) < MAX_REPORTERS else 0


def take(
    books: Mapping[int, HopBook], worker: str, campaign: str, hops: Iterable[Hop], now_s: float
) -> Taken:
    """Let hops of several slots wait, each in the book of its slot; see `HopBook.take`."""
    all_taken = [
        books[slot].take(worker, campaign, [each.packed for each in found], now_s)
        for slot, found in by_slot(hops).items()
    ]
    return Taken(*map(sum, zip(*all_taken, strict=True))) if all_taken else Taken()


def made(books: Mapping[int, HopBook], hops: Iterable[Hop], until_s: float) -> None:
    """Hops are targets now, those of other slots aside; see `HopBook.made`."""
    for slot, found in by_slot(hops).items():
        if slot in books:
            books[slot].made([each.packed for each in found], until_s)


def due(books: Iterable[HopBook], now_s: float, hold_s: float) -> list[str]:
    """The campaigns whose waiting hops should become targets now.

    Args:
        books: The books of one instance.
        now_s: Now, on the owner's own clock.
        hold_s: How long a hop waits for others.
    """
    counts: dict[str, int] = {}
    oldest_s: dict[str, float] = {}
    for book in books:
        for campaign in book.campaigns:
            waiting = book.waiting(campaign)
            counts[campaign] = counts.get(campaign, 0) + len(waiting)
            oldest_s[campaign] = min(oldest_s.get(campaign, math.inf), next(iter(waiting.values())))
    return [each for each in counts if counts[each] >= CHUNK_HOPS or now_s - oldest_s[each] >= hold_s]


def chunk(books: Iterable[HopBook], campaign: str) -> list[Hop]:
    """The next hops that become targets of a campaign together, at most `CHUNK_HOPS`."""
    waiting = (hop for book in books for hop in book.waiting(campaign))
    return [Hop.unpacked(each) for each in islice(waiting, CHUNK_HOPS)]
