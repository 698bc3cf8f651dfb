"""Follows the overlay, so that pause, opt-outs and revocation act within a second.

By long poll, which rests while a manager pushes that what is known is the newest.
"""

import asyncio
import logging

from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.ping_service.station import Station

log = logging.getLogger(__name__)
PAUSE_S = 1.0
"""After a try that failed, and after an answer from somebody who is behind or about to stop: they come at once."""


async def follow(station: Station) -> None:
    """Keep the orders current, for ever; without anybody to tell them, leases just run out."""
    readable = True
    while True:
        while station.is_told:
            await station.news()
        asked_s = station.clock()
        try:
            document = await station.client.orders(station.orders.version)
        except (Unavailable, BadRequest) as error:
            if readable:
                log.warning("the overlay cannot be read: %s", error)
            readable = False
            await asyncio.sleep(PAUSE_S)
            continue
        readable = True
        station.heard(document)
        is_behind = document is not None and document.version != station.orders.version
        if is_behind or (document is None and station.clock() - asked_s < PAUSE_S):
            await asyncio.sleep(PAUSE_S)
