"""Writes the ring of events down: what the leader of `manager` does beside the rest."""

import asyncio
import logging

from aiohttp import web

from hoploom import kit
from hoploom.kit import Term
from hoploom.kit.errors import Unavailable
from hoploom.manager.events import ring
from hoploom.manager.sight import SIGHT

log = logging.getLogger(__name__)
WRITE_EVERY_S = 5.0
"""At most so often, whatever happens: each write is one to raft, and wakes every manager's look."""


async def keep(app: web.Application, term: Term) -> None:
    """Write what this manager has seen and nobody has written, for as long as the term lasts."""
    while True:
        try:
            await _write(app, term)
        except Unavailable as error:
            # A term that is over cancels us by itself.
            log.info("events are written later: %s", error)
        await asyncio.sleep(WRITE_EVERY_S)


async def _write(app: web.Application, term: Term) -> None:
    entry = await kit.mesh(app).consul.kv_get(ring.KEY, consistent=True)
    stored = ring.decoded(entry.value) if entry else []
    after = ring.merged(stored, app[SIGHT].own_events)
    if after != stored:
        await term.write([{"Verb": "set", "Key": ring.KEY, "Value": ring.encoded(after)}])
