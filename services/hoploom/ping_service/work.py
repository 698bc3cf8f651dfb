"""A worker: its loops side by side, and what it says of itself."""

import asyncio
import contextlib
import datetime
import logging

from hoploom.kit.clock import wall_us
from hoploom.kit.errors import ConfigError, NotReady, Unavailable
from hoploom.ping_service import orders
from hoploom.ping_service.asking import Asking
from hoploom.ping_service.following import follow
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.probing import Probing, Sealed
from hoploom.ping_service.spooling import MAX_SEALED, Spooling
from hoploom.ping_service.station import REASONS, REST_S, SOCKETS, UPLINK, Station
from hoploom.ping_service.submitting import SENDERS, submit
from hoploom.ping_service.telling import tell
from hoploom.prober.interface import open_prober
from hoploom.prober.privileges import LOOPBACK_ONLY

log = logging.getLogger(__name__)
NO_SOCKET_PAUSE_S = 15.0


class Worker:
    """One worker."""

    def __init__(self, station: Station, outbox: Outbox) -> None:
        """Work with what the station holds, and send by the outbox, which whoever runs the worker opens and closes."""
        self.station, self.outbox = station, outbox
        self._sealed: asyncio.Queue[Sealed] = asyncio.Queue(MAX_SEALED)

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(follow(self.station))
            group.create_task(Asking(self.station).run())
            group.create_task(tell(self.station))
            group.create_task(Spooling(self.station, self.outbox, self._sealed).run())
            for _ in range(SENDERS):
                group.create_task(submit(self.station, self.outbox))
            group.create_task(self._probe())

    async def leave(self) -> None:
        """Stop probing, and return when every lease is done or given back; the caller bounds the time."""
        self.station.leaving = True
        self.station.obey()
        while self.station.holding:
            await self.station.news()

    async def can_probe(self) -> None:
        """Readiness: whether there is a socket to probe with, and nobody has revoked this worker."""
        if self.station.trouble:
            raise NotReady(self.station.trouble)
        if self.station.orders.stops(self.station.name) == orders.REVOKED:
            raise NotReady(REASONS[orders.REVOKED])

    def report(self) -> str:
        """For the Consul UI; it changes once a minute at most while the work goes on, since each change is a write."""
        station = self.station
        words = [station.waiting, self._stopped() or station.no_work or self._working(), self._quarantine()]
        if station.is_loopback_only:
            words.append(f"{LOOPBACK_ONLY}: `hoploom doctor` says what would allow more")
        if station.orders.document is None:
            words.append("pauses and opt-outs are not known yet")
        return "; ".join(each for each in words if each)

    def _working(self) -> str:
        station = self.station
        if not station.holding:
            return f"idle ({station.engine})" if station.engine else "idle"
        names = sorted({each.lease.campaign for each in station.holding})
        last_s = max(each.ends_s for each in station.holding) - station.clock()
        until = datetime.datetime.fromtimestamp(wall_us() / 1_000_000 + last_s, datetime.UTC)
        count = len(station.holding)
        return f"probing {', '.join(names)}: {count} lease{'s' * (count > 1)} until {until:%H:%M} UTC"

    def _quarantine(self) -> str:
        count = len(self.outbox.spool.quarantine)
        return f"{count} batch{'es' * (count > 1)} in quarantine" if count else ""

    def _stopped(self) -> str:
        station = self.station
        if station.full:
            return f"asks for no work: {station.full}"
        if station.uplink_dead:
            return REASONS[UPLINK]
        stopped = station.orders.stops(station.name)
        return {orders.PAUSED: "paused by an operator", orders.REVOKED: REASONS[orders.REVOKED]}.get(stopped, "")

    async def _probe(self) -> None:
        """Probe for ever; without a socket, say why and look again now and then."""
        station = self.station
        while True:
            try:
                own = station.settings
                opened = open_prober(own.attribution, loopback_will_do=own.loopback_will_do)
                with opened as prober, contextlib.ExitStack() as stack:
                    stack.callback(self._closed)
                    station.trouble, station.engine = "", prober.name
                    station.is_loopback_only = prober.is_loopback_only
                    station.ring()
                    await Probing(station, prober, self._sealed).run()
            except ConfigError as error:
                station.trouble = str(error)
                log.warning("cannot probe: %s", error)
                await asyncio.sleep(NO_SOCKET_PAUSE_S)
            except Unavailable as error:
                log.warning("the sockets broke: %s", error)
                station.stop_all(SOCKETS)
                station.rest(REST_S)
                await asyncio.sleep(REST_S)

    def _closed(self) -> None:
        self.station.engine = ""
