"""Follows the overlay by long poll, so that pause, opt-outs and revocation act within a second."""

import asyncio
import logging

from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.ping_service.station import Station

log = logging.getLogger(__name__)
PAUSE_S = 1.0
"""After a try that failed, and after an answer from somebody who is behind: both come at once."""


async def follow(station: Station) -> None:
    """Keep the orders current, for ever; without anybody to tell them, leases just run out."""
    readable = True
    while True:
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
        if document is not None and document.version != station.orders.version:
            await asyncio.sleep(PAUSE_S)
