"""Has batches stored, in the order in which they were probed."""

import asyncio

from hoploom.ping_service import holding
from hoploom.ping_service.probing import Sealed
from hoploom.ping_service.station import REFUSED, REST_S, Station

MAX_SEALED = 4
"""Batches that wait for the output: 20 MB at most. Then nothing more is probed until it takes one."""


async def submit(station: Station, sealed: "asyncio.Queue[Sealed]") -> None:
    """Send batch after batch, for ever; each until somebody stores it or refuses it for good."""
    while True:
        each = await sealed.get()
        lease_id, start = each.batch.lease, each.batch.start
        stored = await station.client.submit(each.batch)
        if not stored:
            station.rest(REST_S)
            station.stop([lease_id], REFUSED)
        stop = each.batch.stop if stored and each.counts else start
        station.change(holding.settled(station.holding, lease_id, start, stop))
