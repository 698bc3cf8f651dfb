"""What a worker says of itself in its ads, from what its loops know."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hoploom import __version__
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.errors import BadRequest, ConfigError
from hoploom.ping_service import orders
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.settings import Settings
from hoploom.ping_service.station import Station
from hoploom.wire.ad_bodies import NOTE_LENGTH, PASSING, WARNING, WorkerBody
from hoploom.wire.campaign_request import MAX_RATE_PPS

_MINUTE_S = 60.0
_SPACES = str.maketrans({each: " " for each in (*range(32), 127)})


def constant(settings: Settings) -> WorkerBody:
    """What stays the same for as long as the worker runs.

    Raises:
        ConfigError: Its owner's word is no place, location or address.
    """
    try:
        latitude, longitude = _location(settings.location)
        named = {
            "version": settings.version_tag or __version__,
            "place": settings.place,
            "latitude": latitude,
            "longitude": longitude,
            "addresses": [each.strip() for each in settings.addresses.split(",") if each.strip()],
            "max_rate_pps": min(settings.max_rate_pps, MAX_RATE_PPS),
        }
        return WorkerBody.from_json(named)
    except BadRequest as error:
        raise ConfigError(f"what this worker should say of itself: {error}") from error


def _location(text: str) -> tuple[float | None, float | None]:
    if not text:
        return None, None
    latitude, _, longitude = text.partition(",")
    try:
        return float(latitude), float(longitude)
    except ValueError as error:
        raise ConfigError(f"location is like 60.45,22.27 (degrees north, degrees east), not {text[:40]!r}") from error


@dataclass
class Pace:
    """Packets a second over the last minute or so, from a count that only grows."""

    count: int = 0
    since_s: float = 0.0
    pps: float = 0.0

    def of(self, count: int, now_s: float) -> int:
        """The pace now; asked again within a second it stays what it was."""
        past_s = now_s - self.since_s
        if past_s >= 1.0:
            weight = min(1.0, past_s / _MINUTE_S)
            self.pps += weight * ((count - self.count) / past_s - self.pps)
            self.count, self.since_s = count, now_s
        return round(self.pps)


class Portrait:
    """Describes one worker, as often as it is asked."""

    def __init__(self, station: Station, outbox: Outbox, report: Callable[[], str]) -> None:
        """Describe this one.

        Args:
            station: What its loops share.
            outbox: What waits for the output.
            report: What it says of itself in words.

        Raises:
            ConfigError: See `constant`.
        """
        self._station, self._outbox, self._report = station, outbox, report
        self._constant = constant(station.settings)
        self._began_s = boottime_s()
        self._pace = Pace(since_s=self._began_s)

    @property
    def settings(self) -> Settings:
        """The worker's settings."""
        return self._station.settings

    async def news(self) -> None:
        """Wait until something may have changed, a second at most."""
        await self._station.news()

    def body(self) -> WorkerBody:
        """How it is now."""
        station, now_s = self._station, boottime_s()
        words = station.trouble or self._report()
        return replace(
            self._constant,
            families=station.families if station.engine else (),
            skills=station.skills if station.engine else (),
            engine=station.engine,
            rate_pps=station.orders.rate_pps,
            sent_pps=self._pace.of(station.sent, now_s),
            spool_bytes=self._outbox.line.size_bytes,
            spool_oldest_s=max(0, int(self._outbox.oldest_age_s())),
            leases=len(station.holding),
            status=WARNING if self._is_hindered() else PASSING,
            note=words.translate(_SPACES)[:NOTE_LENGTH],
            uptime_s=int(now_s - self._began_s),
            wall_us=wall_us(),
        )

    def _is_hindered(self) -> bool:
        station = self._station
        stopped = station.orders.stops(station.name) == orders.REVOKED
        return bool(station.trouble or station.full or station.uplink_dead or stopped)
