"""What a perfect map of a topology would hold, and what a map holds that is not so. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.wire.addresses import text
from lab.internet.topology import MAX_TTL, Topology


class Link(NamedTuple):
    """Two addresses said to be neighbours on the way to a target, as text."""

    target: str
    near: str
    far: str


class Truth:
    """A topology seen by somebody who knows it all.

    Attributes:
        links: All pairs of addresses, 16 bytes each, of neighbouring interfaces on the way to any prefix by any flow;
            silent ones too.
    """

    def __init__(self, topology: Topology) -> None:
        """Work out the links over all branches of all balancers."""
        self._topology = topology
        self._address = [row.tobytes() for row in topology.interfaces.address]
        step = topology.ways.step
        pairs = np.unique(np.stack([step[:, :-1], step[:, 1:]], axis=-1).reshape(-1, 2), axis=0)
        self.links = {pair for near, far in pairs if far >= 0 for pair in self._between(near, far)}

    def paths(self, targets: NDArray[np.uint8], flows: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Rows of the interfaces on the way to each target by each flow, (n, MAX_TTL); -1 behind the last router."""
        way = self._topology.way_of(targets)
        step = np.where(way[:, None] >= 0, self._topology.ways.step[way], -1).reshape(-1)
        each = np.repeat(np.arange(len(targets)), MAX_TTL)
        none = np.zeros(len(step), np.uint64)
        return self._topology.interface_at(step, targets[each], flows[each], none).reshape(-1, MAX_TTL)

    def interfaces(self, targets: NDArray[np.uint8], flows: NDArray[np.uint64]) -> set[bytes]:
        """Addresses, 16 bytes each, of all interfaces on the way to the targets by these flows that ever answer."""
        return self._answering(np.unique(self.paths(targets, flows)).tolist())

    def all_interfaces(self) -> set[bytes]:
        """Addresses of all interfaces that ever answer, on the way to any prefix by any flow."""
        used = np.unique(self._topology.ways.step)
        return self._answering([row for step in used[used >= 0] for row in self._members(step)])

    def is_link(self, target: bytes, near: bytes, far: bytes) -> bool:
        """Whether a packet to the target can pass the one address right before the other, 16 bytes each."""
        return near in self._before(target) if far == target else (near, far) in self.links

    def false_links(
        self, targets: NDArray[np.uint8], hops: NDArray[np.int32], ttls: NDArray[np.uint8], addresses: NDArray[np.uint8]
    ) -> list[Link]:
        """Links that a map claims and that are none: between answers at neighbouring TTLs of one trace.

        Args:
            targets: (t, 16).
            hops: (h,): index of the target of each hop.
            ttls: (h,): ascending for a target.
            addresses: (h, 16): who answered; zeros for nobody.
        """
        heard: NDArray[np.bool_] = np.any(addresses, axis=1)
        near = np.flatnonzero((hops[1:] == hops[:-1]) & (ttls[1:] == ttls[:-1] + 1) & heard[1:] & heard[:-1])
        found = []
        for row in near.tolist():
            claim = targets[hops[row]].tobytes(), addresses[row].tobytes(), addresses[row + 1].tobytes()
            # A target answers at every TTL behind it, and the last router may tell of it at two.
            if claim[1] != claim[2] and not self.is_link(*claim):
                found.append(Link(*map(text, claim)))
        return found

    def _members(self, step: int) -> list[int]:
        steps = self._topology.steps
        rows: list[int] = steps.member[steps.first[step] : steps.first[step] + int(steps.width[step])].tolist()
        return rows

    def _between(self, near: int, far: int) -> Iterable[tuple[bytes, bytes]]:
        """The links between two steps: branch by branch inside a balancer, else from each to each."""
        both = self._members(near), self._members(far)
        is_inside = self._topology.steps.salt[near] == self._topology.steps.salt[far]
        pairs = zip(*both, strict=True) if is_inside else product(*both)
        return ((self._address[one], self._address[other]) for one, other in pairs)

    def _before(self, target: bytes) -> set[bytes]:
        """Addresses of the interfaces right before a target."""
        way = int(self._topology.way_of(np.frombuffer(target, np.uint8)[None])[0])
        if way < 0:
            return set()
        step = self._topology.ways.step[way, self._topology.ways.length[way] - 1]
        return {self._address[row] for row in self._members(step)}

    def _answering(self, rows: list[int]) -> set[bytes]:
        silent = self._topology.interfaces.is_silent
        return {self._address[row] for row in rows if row >= 0 and not silent[row]}
