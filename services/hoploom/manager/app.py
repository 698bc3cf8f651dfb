"""Puts a manager together."""

import asyncio

from aiohttp import web

from hoploom import kit
from hoploom.kit import Term, credentials
from hoploom.manager import (
    access,
    active_passive,
    ads_attaching,
    claimed,
    handlers,
    key_keeping,
    openapi,
    planning,
    projecting,
    relay,
    sight,
    signing,
)
from hoploom.manager.atlas import handlers as atlas
from hoploom.manager.auditing import attaching as auditing
from hoploom.manager.broker import handlers as broking
from hoploom.manager.dyfi import attaching as dyfi
from hoploom.manager.enrolment import attaching as enrolment
from hoploom.manager.enrolment.handlers import LISTED
from hoploom.manager.events import keeping
from hoploom.manager.fleet import attaching as fleet
from hoploom.manager.gateway import relaying
from hoploom.manager.joining import attaching as joining
from hoploom.manager.measures import attaching as measures
from hoploom.manager.pages import attaching as pages
from hoploom.manager.pages import paths, refusals
from hoploom.manager.people import attaching as people
from hoploom.manager.push import attaching as pushing
from hoploom.manager.sessions import attaching as sessions
from hoploom.manager.settings import Settings
from hoploom.manager.tokens import attaching as tokens
from hoploom.trust import attaching
from hoploom.wire.people import Role

MAX_BODY_BYTES = 8 * 2**20
"""As the input service: a campaign of 200,000 blocks takes 4 MB, and so does a form with as many."""


def make_app(settings: Settings) -> web.Application:
    """The manager as an application: everything that no other service routes comes here."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[handlers.SETTINGS] = settings

    async def knows_the_workers() -> None:
        await app[LISTED].learn()

    kit.setup(app, name="manager", routes=["/"], ready=[knows_the_workers], leader=_ROLES)
    kit.mesh(app).settings = settings
    operator_token = credentials.read(settings.operator_token_file)
    app[relay.TOKEN] = operator_token
    refusals.attach(app)
    access.attach(app, operator_token, development=settings.development)
    people.attach(app, settings)
    sessions.attach(app)
    claimed.attach(app)
    if settings.active_passive:
        active_passive.attach(app)
    access.add(app, handlers.routes(), Role.VIEWER)
    access.add(app, [web.static("/static", handlers.HERE / "static")], None)
    token = credentials.read(settings.worker_token_file)
    attaching.attach(app, token)
    tokens.attach(app)
    # Before the keys, which are to last until the last ad is signed.
    ads_attaching.attach(app, settings, token)
    signing.attach(app)
    projecting.attach(app)
    enrolment.attach(app, settings)
    broking.attach(app)
    pushing.attach(app)
    fleet.attach(app)
    if settings.gateway:
        relaying.attach(app, settings.gateway_rate)
    dyfi.attach(app, settings)
    auditing.attach(app, settings)
    sight.attach(app, settings.latest)
    pages.attach(app, settings.doors)
    planning.attach(app)
    joining.attach(app, settings)
    atlas.attach(app, settings, token)
    measures.attach(app, token)
    paths.attach(app, token)
    openapi.attach(app)
    access.add(app, [web.route("*", "/{path:.+}", handlers.elsewhere)], None)
    return app


async def _leads(app: web.Application, term: Term) -> None:
    """What the leader of `manager` does for all of them."""
    async with asyncio.TaskGroup() as group:
        group.create_task(fleet.watch(app, term))
        group.create_task(keeping.keep(app, term))
        group.create_task(sessions.lead(app, term))
        group.create_task(active_passive.lead(app, term))


_ROLES = {
    "manager": _leads,
    key_keeping.ROLE: key_keeping.leads,
    projecting.ROLE: projecting.leads,
    auditing.ROLE: auditing.leads,
}
