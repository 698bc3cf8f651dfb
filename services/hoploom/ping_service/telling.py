"""Tells the input service about the leases: that they go on, are done, or are returned."""

import logging

from hoploom.kit import metrics
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.ping_service import holding
from hoploom.ping_service.holding import Held, Word
from hoploom.ping_service.lease_client import LeaseEnded
from hoploom.ping_service.station import LOOK_S, REASONS, Station

log = logging.getLogger(__name__)
REST_S = 1.0
"""After a lease was returned; who asked at once would get the same again."""

_RENEWALS = metrics.counter("hoploom_ping_renewals_total", "Renewals sent, by what came back.", ("result",))
_RETURNED = metrics.counter("hoploom_ping_leases_returned_total", "Leases given back.", ("reason",))


async def tell(station: Station) -> None:
    """Say what is due, one thing after another, for ever."""
    while True:
        station.expire()
        held = holding.next_word(station.holding)
        wait_s = held.say_s - station.clock() if held else LOOK_S
        if held is None or wait_s > 0:
            await station.news(min(wait_s, LOOK_S))
        else:
            await _say(station, held)


async def _say(station: Station, held: Held) -> None:
    try:
        await _SAY[held.word](station, held)
    except LeaseEnded as error:
        _count(held, str(error.status))
        log.warning("lease %s is ours no more (%s): %s", held.id, error.status, error)
        station.drop(held.id, "refused")
    except (Unavailable, BadRequest) as error:
        _count(held, "no answer")
        log.warning("nobody takes the %s of lease %s: %s", held.word.value, held.id, error)
        station.change(holding.put_off(station.holding, held.id, station.clock()))


async def _renew(station: Station, held: Held) -> None:
    asked_s = station.clock()
    answer = await station.client.renew(held)
    _count(held, "renewed")
    station.expire()
    station.change(holding.renewed(station.holding, held.id, asked_s, answer.ttl_s, answer.rate_pps))


async def _done(station: Station, held: Held) -> None:
    await station.client.done(held)
    station.drop(held.id, "done")


async def _give_back(station: Station, held: Held) -> None:
    await station.client.give_back(held, REASONS[held.stopped])
    station.rest(REST_S)
    _RETURNED.labels(held.stopped).inc()
    station.drop(held.id, "returned")


_SAY = {Word.RENEW: _renew, Word.DONE: _done, Word.RETURN: _give_back}


def _count(held: Held, result: str) -> None:
    if held.word is Word.RENEW:
        _RENEWALS.labels(result).inc()
