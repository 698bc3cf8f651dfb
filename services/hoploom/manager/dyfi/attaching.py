"""Puts the updater and its HTTP side into a manager; only managers of the home datacenter are candidates."""

import random
from contextlib import suppress
from functools import partial

from aiohttp import web

from hoploom import kit
from hoploom.manager import access
from hoploom.manager.dyfi import handlers, outlook, provider
from hoploom.manager.dyfi.account import Account, account
from hoploom.manager.dyfi.updating import ROLE, Clocks, Outside, Updater
from hoploom.manager.settings import Settings
from hoploom.wire.people import Role


def attach(app: web.Application, settings: Settings) -> None:
    """Keep the names that the settings name, if any.

    Raises:
        ConfigError: A setting is wrong.
    """
    found = account(settings)
    # A name points to one place: two datacenters would take it from each other for ever.
    names = found.names if (settings.home_dc or settings.dc) == settings.dc else ()
    app[handlers.NAMES] = names
    access.add(app, [web.get(handlers.ROUTE, handlers.show)], Role.VIEWER)
    access.add(app, [web.post(f"{handlers.ROUTE}/resume", handlers.resume)], Role.OPERATOR)
    if names:
        kit.background(app, partial(_lead, found))


async def _lead(found: Account, app: web.Application) -> None:
    """One term after another."""
    mesh = kit.mesh(app)
    own = partial(outlook.own_address, mesh.http, found.address_url) if found.address_url else None
    outside = Outside(partial(provider.tell, found), own, outlook.named)
    updater = Updater(mesh.consul, found.names, outside, random.Random(), Clocks())
    assert mesh.spawn is not None, "it is led within the lifecycle"
    mesh.spawn(updater.save())
    while True:
        with suppress(kit.TermEnded):
            async with mesh.leading(ROLE, fenced=False) as term:
                await updater.run(term)
