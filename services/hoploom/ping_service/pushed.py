"""Listens to what a manager pushes: the orders' version, settings, and the command to look for work now.

One idle connection, to whichever manager answers. It is a short cut and never the only way: while nobody pushes, orders
are asked for as ever. Whoever lost its manager comes back at a moment of its own, so that a manager that stops does not
send everybody to the next one at once.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from hoploom.kit import ServiceClient, metrics
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service.orders import UNKNOWN
from hoploom.ping_service.station import Station
from hoploom.prober.politeness import smallest
from hoploom.wire import push
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.fields import MAX_INTEGER, NAME, Fields

log = logging.getLogger(__name__)
FIRST_SPREAD_S, LONGEST_SPREAD_S = 4.0, 120.0
_PUSHED = metrics.gauge("hoploom_ping_pushed", "1 while a manager pushes to this worker, else 0.")


def pause_s(failures: int, hint_s: float, chance: float) -> float:
    """Seconds until a worker connects again.

    Args:
        failures: Tries in a row on which nothing came.
        hint_s: Over how many seconds whoever sent it away wants all to spread; 0 where nobody said.
        chance: In [0, 1).
    """
    spread_s = hint_s or FIRST_SPREAD_S
    return min(LONGEST_SPREAD_S, spread_s * 2.0 ** min(failures, 10)) * chance


@dataclass(frozen=True)
class Line:
    """The way to a manager.

    Attributes:
        http: What carries the connection.
        edge: Where managers answer.
        headers: What proves who this worker is, now.
        is_wanted: Whether to listen at all, now.
    """

    http: HttpClient
    edge: ServiceClient
    headers: Callable[[], Mapping[str, str]]
    is_wanted: Callable[[], bool]


class Pushed:
    """Listens for a worker."""

    def __init__(self, station: Station, line: Line) -> None:
        """Nothing was told yet."""
        self._station, self._line = station, line
        self._rates: dict[str, int] = {}
        self._runs: dict[str, int] = {}
        self._failures, self._hint_s = 0, 0.0

    async def run(self) -> None:
        """Listen, and connect again, for ever."""
        while True:
            self._hint_s = 0.0
            try:
                if self._line.is_wanted():
                    await self._listen()
            except (Unavailable, BadRequest) as error:
                log.log(logging.DEBUG if self._failures else logging.INFO, "nobody pushes: %s", error)
            self._station.pushed(UNKNOWN)
            _PUSHED.set(0)
            await asyncio.sleep(pause_s(self._failures, self._hint_s, random.random()))
            self._failures += 1

    async def _listen(self) -> None:
        headers = {**self._line.headers(), "Accept": push.MEDIA_TYPE}
        reader = push.Reader()
        with await self._line.edge.instance() as edge:
            url = f"{edge.url}{push.PATH}?worker={self._station.name}"
            async with aclosing(self._line.http.stream(url, silent_s=push.SILENT_S, headers=headers)) as stream:
                async for data in stream:
                    edge.answered()
                    self._heard(reader.feed(data))

    def _heard(self, events: Iterable[push.Event]) -> None:
        """Somebody pushes."""
        self._failures = 0
        _PUSHED.set(1)
        for event in events:
            self._take(event.name, Fields(event.data, f"the event {event.name}"))

    def _take(self, name: str, known: Fields) -> None:
        """One event; of what is not known here a later version may tell."""
        match name:
            case push.ORDERS:
                self._station.pushed(known.integer("version", range(MAX_INTEGER)))
            case push.SETTINGS:
                self._rates[known.text("worker", NAME)] = known.integer("rate_pps", range(MAX_RATE_PPS + 1), 0)
                self._station.set_rate(smallest(*self._rates.values()))
            case push.RUN:
                self._count(known.text("worker", NAME), known.integer("run", range(MAX_INTEGER)))
            case push.BYE:
                self._hint_s = min(LONGEST_SPREAD_S, max(0.0, known.number("retry_s", 0.0)))

    def _count(self, whom: str, run: int) -> None:
        """The first count that is heard commands nothing: who has just come looks for work anyway."""
        before, self._runs[whom] = self._runs.get(whom, run), run
        if run > before:
            self._station.run_now()
