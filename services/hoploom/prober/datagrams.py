"""Traceroutes by UDP: which probe does a quoted datagram tell of? Its ports are the flow's, so only its length tells.

An error quotes destination, ports and length of the datagram. Target and TTL name the probe, and the probe its slot.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.arrivals import UDP, Arrivals
from hoploom.prober.flows import datagram_ttls
from hoploom.prober.launches import Launches
from hoploom.prober.matching import Found
from hoploom.prober.packets import Layout
from hoploom.prober.probes import Statistics
from hoploom.prober.slots import PROBE_BITS, Slots
from hoploom.prober.stop_set import fingerprints
from hoploom.prober.trace_run import number_of
from hoploom.prober.udp_outlet import UdpOutlet

_IDENTS = range(16)
"""Identifiers mean nothing here; so many blocks of slots may be opened."""
NO_SLOT = -1


class NamedSlots(Slots):
    """Slots that are found by the probe in them too."""

    def __init__(self) -> None:
        """Begin with all free."""
        super().__init__(_IDENTS)
        self._slot_of: dict[int, int] = {}

    def take(
        self, first: int, owners: NDArray[np.int64], cookies: NDArray[np.uint64], sent_ns: NDArray[np.int64]
    ) -> None:
        """Take slots; see `Slots.take`."""
        super().take(first, owners, cookies, sent_ns)
        self._slot_of.update(zip(owners.tolist(), range(first, first + len(owners)), strict=True))

    def drop(self, slots: NDArray[np.intp]) -> None:
        """The probes in these slots could not leave after all."""
        self._forget(self.owners[slots])
        super().drop(slots)

    def release(self, first: int, count: int) -> None:
        """Free slots, whatever is in them."""
        self._forget(self.owners[first : first + count])
        super().release(first, count)

    def _forget(self, owners: NDArray[np.int64]) -> None:
        for owner in owners.tolist():
            self._slot_of.pop(owner, None)

    def of(self, owners: NDArray[np.int64]) -> NDArray[np.int64]:
        """The slots of probes, `NO_SLOT` where none is in flight."""
        return np.array([self._slot_of.get(owner, NO_SLOT) for owner in owners.tolist()], np.int64)


class Datagrams(Launches):
    """The datagrams of one trace."""

    def __init__(
        self, outlets: Mapping[int, UdpOutlet], targets: NDArray[np.uint8], layout: Layout, statistics: Statistics
    ) -> None:
        """Launch nothing yet.

        Args:
            outlets: By family.
            targets: (n, 16) bytes, none twice.
            layout: Of the payloads, without the bytes that say the TTL.
            statistics: Counters, kept up to date here.
        """
        self._named = {family: NamedSlots() for family in outlets}
        super().__init__(outlets, self._named, statistics)
        self._ports = {family: outlet.source_port for family, outlet in outlets.items()}
        self._layout = layout
        prints = fingerprints(targets)
        self._rows = np.argsort(prints).astype(np.int32)
        self._prints = prints[self._rows]

    def hear(self, family: int, arrivals: Arrivals) -> None:
        """Take in what is about these datagrams."""
        if family not in self._ports:
            return
        rows = np.flatnonzero((arrivals.protocol == UDP) & (arrivals.ident == self._ports[family]))
        if not len(rows) or not self._senders:
            return
        ttl, target = datagram_ttls(arrivals.sequence[rows], self._layout), self._target(arrivals.about[rows])
        self.statistics.foreign += int(np.count_nonzero(target < 0))
        is_ours = (target >= 0) & (ttl > 0)
        ((number, sender),) = self._senders.items()
        slots = self._named[family].of(number_of(target[is_ours], ttl[is_ours]) + (number << PROBE_BITS))
        self.statistics.unmatched += int(np.count_nonzero((target >= 0) & (ttl == 0)) + np.count_nonzero(slots < 0))
        found = Found(rows[is_ours][slots >= 0], slots[slots >= 0])
        if len(found.slots):
            self.check(self._named[family], found, arrivals, sender)

    def _target(self, about: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Row of each address among the targets, -1 where it is none of them."""
        prints = fingerprints(about)
        at = np.minimum(np.searchsorted(self._prints, prints), len(self._prints) - 1)
        return np.where(self._prints[at] == prints, self._rows[at], -1).astype(np.int64)
