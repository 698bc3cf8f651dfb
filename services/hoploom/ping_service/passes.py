"""What the traceroutes of each pass over a campaign have shown to this worker, so that later ones need fewer packets.

A path that ends at a known interface leaves its first hops to the path by which that became known. So a pass forgets
everything when results are not stored in full: what no batch brings must not be thought known.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from hoploom.wire.lease import LeaseId

T = TypeVar("T")
MAX_PASSES = 4
"""Campaigns that take turns here; a set of known interfaces takes 32 MB at most."""


class Pass(NamedTuple):
    """One pass over the targets of a campaign: paths are as they were a moment ago."""

    campaign: str
    edition: int
    round: int
    family: int

    @staticmethod
    def of(lease_id: str) -> Pass:
        """The pass that a lease belongs to."""
        known = LeaseId.parse(lease_id)
        return Pass(known.campaign, known.edition, known.round, known.family)


class Passes(Generic[T]):
    """Something for each of the passes that were worked on last."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Begin with no pass; `make` makes what a new one has."""
        self._make = make
        self._known: OrderedDict[Pass, T] = OrderedDict()

    def get(self, lease_id: str) -> T:
        """What the pass of a lease has."""
        key = Pass.of(lease_id)
        if key not in self._known:
            self._known[key] = self._make()
        self._known.move_to_end(key)
        if len(self._known) > MAX_PASSES:
            self._known.popitem(last=False)
        return self._known[key]

    def forget(self, lease_id: str) -> None:
        """The pass of a lease begins anew."""
        self._known.pop(Pass.of(lease_id), None)
