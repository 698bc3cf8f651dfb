"""Judges links as outputs keep them: whether the ends can stand so many hops apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lab.internet.topology import Topology
from lab.internet.truth import Truth


class Judge:
    """Knows an internet, and says whether a link of it is one."""

    def __init__(self, known: Topology) -> None:
        """Work out what comes right behind each interface."""
        self._truth = Truth(known)
        self._after: dict[bytes, set[bytes]] = {}
        for near, far in self._truth.links:
            self._after.setdefault(near, set()).add(far)
        first = [row for step in np.unique(known.ways.step[:, 0]) for row in self._truth._members(step)]
        # The worker stands before them.
        self._after[bytes(16)] = {row.tobytes() for row in known.interfaces.address[first]}

    def is_true(self, link: NDArray[Any]) -> bool:
        """Whether the far end stands so many hops behind the near one; a target that lost probes may be nearer."""
        near, far, hops = link["near"].tobytes(), link["far"].tobytes(), int(link["gap"]) + 1
        if last := self._truth._before(far):
            return any(last & self._behind(near, count) for count in range(hops))
        return far in self._behind(near, hops)

    def _behind(self, near: bytes, hops: int) -> set[bytes]:
        found = {near}
        for _ in range(hops):
            found = {far for each in found for far in self._after.get(each, ())}
        return found
