"""Watches the worker's own uplink: asks the anchors, and while none answers, gives work back and waits."""

import asyncio
import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hoploom.kit import metrics
from hoploom.ping_service import anchors
from hoploom.ping_service.holding import Held
from hoploom.ping_service.station import REST_S, UPLINK, Station
from hoploom.prober import politeness
from hoploom.prober.interface import Prober, ProbeSettings
from hoploom.targets.special_purpose import Space
from hoploom.wire.batch import ANSWERED, UNREACHABLE

log = logging.getLogger(__name__)
TRIES = 3
"""Any one answer proves that the network works, and a packet may be lost."""

TIMEOUT_S = 1.0
UNTIL_S = 60.0
"""Then work is asked for again, and its own anchors tell: those of one campaign may have been no good ones."""

_DEAD = metrics.gauge("hoploom_ping_uplink_dead", "1 while no anchor answers, else 0.")


@dataclass
class Uplink:
    """The uplink of one worker, seen through one prober."""

    station: Station
    prober: Prober

    async def works(self, held: Held) -> bool | None:
        """Whether any anchor of a lease answers; True where it has none, None where the orders forbid to look."""
        station = self.station
        private = held.lease.allow_private and station.settings.allow_private
        own = anchors.parse(station.settings.anchors)
        asked = anchors.of(held.lease, own, station.orders, allow_private=private)
        if self.prober.is_loopback_only:
            asked = asked[politeness.in_space(asked, Space.LOOPBACK)]
        for _ in range(TRIES if len(asked) else 0):
            if self._is_forbidden(held):
                return None
            if await self._answered(held, asked):
                return True
        return not len(asked)

    async def until_back(self, held: Held) -> None:
        """Give every lease back, and wait until an anchor answers or may not be asked, and no longer than `UNTIL_S`."""
        log.warning("no anchor answers: leases are returned until one does")
        self.station.uplink_dead = True
        self.station.stop_all(UPLINK)
        _DEAD.set(1)
        works: bool | None = False
        until_s = self.station.clock() + UNTIL_S
        try:
            while works is False and self.station.clock() < until_s:
                await asyncio.sleep(REST_S)
                works = await self.works(held)
        finally:
            self.station.uplink_dead = False
            _DEAD.set(0)
            self.station.ring()
        log.info("an anchor answers again" if works else "no anchor answers, or may be asked: the next lease tells")

    async def _answered(self, held: Held, asked: NDArray[np.uint8]) -> bool:
        station = self.station
        rate_pps = politeness.effective_rate_pps(asked, 0, station.orders.rate_pps)
        network_pps = politeness.smallest(held.lease.network_pps, station.orders.network_pps)
        settings = ProbeSettings(timeout_s=TIMEOUT_S, rate_pps=rate_pps or None, network_pps=network_pps or None)
        found = await self.prober.ping(asked, settings, lambda: self._is_forbidden(held))
        # An ICMP error comes over the network too.
        return bool(np.isin(found.outcome, (ANSWERED, UNREACHABLE)).any())

    def _is_forbidden(self, held: Held) -> bool:
        station = self.station
        return station.leaving or bool(station.orders.stops(station.name, held.lease.campaign))
