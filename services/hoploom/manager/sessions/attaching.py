"""Puts sessions into a manager: who has signed in, and who failed to."""

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.kit import Term
from hoploom.kit.errors import Unavailable
from hoploom.manager import access, asking_address, audit_ring
from hoploom.manager.pages import signing_in
from hoploom.manager.people.store import USERS
from hoploom.manager.sessions.attempts import Attempts
from hoploom.manager.sessions.book import BOOK, Book
from hoploom.manager.sessions.sharing import ATTEMPTS, Sharing
from hoploom.wire.people import Role

log = logging.getLogger(__name__)
SWEEP_EVERY_S = 60.0
_SHARING = web.AppKey("sessions_sharing", Sharing)


def attach(app: web.Application) -> None:
    """Give an application `BOOK` and `ATTEMPTS` and the page to sign in; call it after `people.attaching.attach`."""

    async def opened(app: web.Application) -> AsyncIterator[None]:
        mesh = kit.mesh(app)
        app[BOOK], app[ATTEMPTS] = Book(mesh.consul, app[USERS]), Attempts()
        app[_SHARING] = Sharing(mesh.consul, mesh.id, app[ATTEMPTS])
        yield

    app.cleanup_ctx.append(opened)
    asking_address.attach(app)
    audit_ring.attach(app)
    access.add(app, [web.get("/api/v1/audit", audit_ring.get_audit)], Role.ADMIN)
    access.add(app, signing_in.routes(), None)
    access.add(app, signing_in.leaving(), Role.VIEWER)
    kit.background(app, _run)
    kit.on_drain(app, _leave)


async def lead(app: web.Application, _: Term) -> None:
    """Remove what is over, for as long as the term lasts."""
    while True:
        try:
            await app[BOOK].sweep()
            await app[_SHARING].sweep()
        except Unavailable as error:
            log.info("sessions that are over are removed later: %s", error)
        await asyncio.sleep(SWEEP_EVERY_S)


async def _run(app: web.Application) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app[BOOK].run())
        group.create_task(app[_SHARING].run())


async def _leave(app: web.Application) -> None:
    """What was counted here counts on."""
    try:
        await app[_SHARING].write()
    except Unavailable as error:
        log.info("failures to sign in are forgotten with this manager: %s", error)
