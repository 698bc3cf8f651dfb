"""Sends what waits in the spool, the oldest first, until somebody stores it or refuses it for good."""

import logging
import random

from hoploom.kit import metrics
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.ping_service import holding
from hoploom.ping_service.line import Waiting
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.segment import Damaged, TooNew
from hoploom.ping_service.station import LOOK_S, REFUSED, SPOOL, Station

log = logging.getLogger(__name__)
SENDERS = 3
"""Batches that are sent at a time, so that a long way to the output does not hold up the draining."""

_SENDS = metrics.counter("hoploom_ping_sends_total", "Batches sent, by what came of it.", ("result",))


async def submit(station: Station, outbox: Outbox) -> None:
    """Send one after another, for ever."""
    while True:
        now_s = station.clock()
        waiting = outbox.line.take(now_s)
        if waiting is None:
            await station.news(outbox.line.wait_s(now_s) or LOOK_S)
        else:
            await _send(station, outbox, waiting)
            station.ring()


async def _send(station: Station, outbox: Outbox, waiting: Waiting) -> None:
    try:
        body = await outbox.body(waiting)
        await station.client.submit(waiting.name.batch, body)
    except Unavailable as error:
        _SENDS.labels("not stored").inc()
        outbox.line.failed(waiting.name, station.clock(), random.random())
        station.wait(str(error))
    except BadRequest as error:
        _SENDS.labels("refused").inc()
        outbox.line.answered(waiting.name)
        station.wait("")
        _lose(station, outbox, waiting, REFUSED)
        await outbox.set_aside(waiting.name, "refused", str(error))
    except Damaged as error:
        outbox.line.dropped(waiting.name)
        _lose(station, outbox, waiting, SPOOL)
        await outbox.set_aside(waiting.name, "damaged", str(error))
    except TooNew as error:
        outbox.line.dropped(waiting.name)
        log.warning("segment %s is left where it is: %s", waiting.name, error)
    else:
        _SENDS.labels("stored").inc()
        outbox.line.answered(waiting.name)
        station.wait("")
        station.stored()
        if receipt := outbox.receipt(waiting.name):
            station.change(holding.settled(station.holding, receipt.lease_id, receipt.start, receipt.stop))
        await outbox.stored(waiting.name)


def _lose(station: Station, outbox: Outbox, waiting: Waiting, why: str) -> None:
    """The results of a chunk will not be stored: others are to probe it again."""
    if receipt := outbox.receipt(waiting.name):
        station.lost(receipt.lease_id, why)
        station.change(holding.settled(station.holding, receipt.lease_id, receipt.start, receipt.start))
