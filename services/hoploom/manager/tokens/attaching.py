"""Puts people's tokens into a manager: who shows one is who made it, and none outlives what its owner may do."""

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.kit.errors import Unavailable
from hoploom.manager import access
from hoploom.manager.access import Person
from hoploom.manager.audit import audit
from hoploom.manager.pages import tokens as page
from hoploom.manager.people.store import USERS
from hoploom.manager.tokens import handlers
from hoploom.manager.tokens.book import TokenBook, may_have
from hoploom.trust import once
from hoploom.trust.people import PEOPLE
from hoploom.wire.people import Role

log = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
"""After so long at most a token of somebody who was disabled is gone, everywhere."""


def attach(app: web.Application) -> None:
    """Know whose a token is; after `access.attach`, `trust.attaching.attach` and the people's own.

    Args:
        app: The manager.
    """

    def whose(text: str) -> Person | None:
        token = app[PEOPLE].find(text)
        if token is None or not may_have(app[USERS].users().get(token.user), token):
            return None
        return Person(token.user, token.role, by="token")

    async def booked(app: web.Application) -> AsyncIterator[None]:
        app[handlers.BOOK] = TokenBook(kit.mesh(app).consul)
        yield

    app[access.TOKENS] = whose
    once.attach(app)
    app.cleanup_ctx.append(booked)
    access.add(app, [*handlers.routes(), *page.routes()], Role.VIEWER)
    kit.background(app, _sweep)


async def _sweep(app: web.Application) -> None:
    """Removes what has to go; every manager looks, in memory, and removing twice does nothing."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            gone = app[handlers.BOOK].over(app[PEOPLE].tokens(), app[USERS].users())
            await app[handlers.BOOK].drop(gone)
        except Unavailable as error:
            log.debug("tokens are looked at later: %s", error)
            continue
        for each in gone:
            audit(app, "hoploom", "remove a token", f"{each.id} ({each.name}) of {each.user}, who may not have it now")
