"""Echo requests out, answers in, over any ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from hoploom.prober import matching
from hoploom.prober.arrivals import Arrivals, parse
from hoploom.prober.launches import Launches
from hoploom.prober.port import Port
from hoploom.prober.probes import Statistics
from hoploom.prober.slots import PROBE_BITS, UNSENT, Slots

READ_AT_ONCE = 1_024


class Exchange(Launches):
    """The ports of a prober.

    Attributes:
        ports: By family, 4 or 6.
        listeners: Are told of all that arrives, by family, besides.
    """

    def __init__(self, ports: Mapping[int, Port], cookie_at: int) -> None:
        """Take the ports over.

        Args:
            ports: By family.
            cookie_at: Where in a payload the cookie stands.
        """
        super().__init__(ports, {family: Slots(port.idents) for family, port in ports.items()}, Statistics())
        self.ports = dict(ports)
        self.listeners: list[Callable[[int, Arrivals], None]] = []
        self._cookie_at = cookie_at

    def read(self) -> int:
        """Read what has arrived on all ports, and tell it; returns how many messages there were.

        Raises:
            Unavailable: A socket broke.
        """
        return sum(self._read(family, port) for family, port in self.ports.items())

    def _read(self, family: int, port: Port) -> int:
        total = 0
        while count := len(messages := port.receive(READ_AT_ONCE)):
            total += count
            arrivals = parse(messages, family, has_header=port.has_header, cookie_at=self._cookie_at)
            if len(arrivals):
                self._match(self.slots[family], arrivals)
                for listener in self.listeners:
                    listener(family, arrivals)
            if count < READ_AT_ONCE:
                break
        return total

    def _match(self, slots: Slots, arrivals: Arrivals) -> None:
        found = matching.find(slots, arrivals)
        # What did not leave has no answer: a short quote about its slot is of an earlier probe, to the same address.
        living = found.where((slots.owners[found.slots] >= 0) & (slots.states[found.slots] != UNSENT))
        self.statistics.unmatched += len(found.slots) - len(living.slots)
        if not len(living.slots):
            return
        if len(self._senders) == 1:
            self.check(slots, living, arrivals, *self._senders.values())
            return
        numbers = slots.owners[living.slots] >> PROBE_BITS
        for number in np.unique(numbers).tolist():
            self.check(slots, living.where(numbers == number), arrivals, self._senders[number])
