"""Asks for work: one request at a time, one lease ahead of the one that is worked off."""

import asyncio
import logging
import uuid

from hoploom.kit.errors import BadRequest, Forbidden, Unavailable
from hoploom.ping_service import holding, orders
from hoploom.ping_service.station import Station
from hoploom.prober.politeness import smallest
from hoploom.wire.lease import Lease, LeaseRequest

log = logging.getLogger(__name__)
IDLE_S = 1.0
"""Nothing to do: asked again so often. A new campaign starts within this time."""

PAUSE_S = 1.0
REVOKED_S = 15.0
SAME_REQUEST_S = 8.0
"""A request that nobody answers is sent again as the same one for so long. A lease given in answer to its first sending
may be as old, so this is a small part of a lease's time; afterwards a new request gives it back."""


class Asking:
    """The asking loop of a worker."""

    def __init__(self, station: Station) -> None:
        """Ask for this station."""
        self._station = station
        self._request_id = ""
        self._asked_s = 0.0

    async def run(self) -> None:
        """Ask whenever there is room for a lease, for ever."""
        while True:
            if not self._may_ask():
                await self._station.news()
            elif (pause_s := await self._ask()) > 0:
                await asyncio.sleep(pause_s)

    def _may_ask(self) -> bool:
        station = self._station
        kept = station.leaving or station.full or station.is_resting or station.uplink_dead
        idle = station.engine and not kept
        fresh = orders.is_fresh(station.orders, station.clock()) and not station.orders.stops(station.name)
        return bool(idle) and fresh and holding.wants_another(station.holding)

    async def _ask(self) -> float:
        """Ask once; returns how long to wait before the next time, in seconds."""
        station = self._station
        try:
            lease = await station.client.ask(self._request())
        except Unavailable as error:
            self._no_work(str(error))
            return min(PAUSE_S, error.retry_after_s)
        except BadRequest as error:
            self._no_work(str(error))
            self._request_id = ""
            return REVOKED_S if isinstance(error, Forbidden) else PAUSE_S
        self._request_id = station.no_work = ""
        if lease is None:
            return IDLE_S
        self._take(lease)
        return 0.0

    def _take(self, lease: Lease) -> None:
        self._station.change(holding.granted(self._station.holding, lease, self._asked_s))
        self._station.obey()

    def _request(self) -> LeaseRequest:
        station, now_s = self._station, self._station.clock()
        if not self._request_id or now_s - self._asked_s > SAME_REQUEST_S:
            self._request_id, self._asked_s = uuid.uuid4().hex, now_s
        return LeaseRequest(
            request_id=self._request_id,
            worker=station.name,
            group=station.settings.group or station.name,
            rate_pps=smallest(station.settings.max_rate_pps, station.orders.set_pps),
            families=station.families,
            skills=station.skills,
            allow_private=station.settings.allow_private,
            run=station.run,
            holding=tuple(each.id for each in station.holding),
        )

    def _no_work(self, reason: str) -> None:
        if not self._station.no_work:
            log.warning("no work: %s", reason)
        self._station.no_work = f"no work: {reason}"[:200]
