"""Puts push into a manager: followed keys, the hub, and the farewell when it stops."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.manager import access
from hoploom.manager.push import handlers, opening
from hoploom.manager.push.commanding import Commanding
from hoploom.manager.push.feed import Feed
from hoploom.manager.push.hub import Hub
from hoploom.trust.attaching import ROLL
from hoploom.wire.people import Role
from hoploom.wire.push import BYE, encoded


def attach(app: web.Application) -> None:
    """Have an application push; call it after `kit.setup` and after the guard was attached.

    Args:
        app: The application, on the mesh.
    """
    access.add(app, handlers.listening(), None)
    access.add(app, handlers.watching(), Role.VIEWER)
    access.add(app, handlers.commanding(), Role.OPERATOR)
    app.cleanup_ctx.append(_listened)
    kit.background(app, _run)
    kit.on_drain(app, _farewell)


async def _listened(app: web.Application) -> AsyncIterator[None]:
    opening.raise_limit()
    mesh, hub = kit.mesh(app), Hub(opening.most_connections())
    feed = Feed(mesh.consul, hub, "" if mesh.home_dc == mesh.dc else mesh.home_dc)
    hub.keep_alive = feed.keep_alive
    app[handlers.HUB], app[handlers.FEED], app[handlers.COMMANDING] = hub, feed, Commanding(mesh.consul)
    app[ROLL].when_gone(lambda name: hub.drop([name], "removed"))
    hub.open()
    yield
    hub.close()


async def _run(app: web.Application) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app[handlers.FEED].run())
        group.create_task(app[handlers.HUB].run())


async def _farewell(app: web.Application) -> None:
    """Who listens comes back, to another manager, at a moment of its own."""
    hub = app[handlers.HUB]
    await hub.drain(encoded(BYE, retry_s=opening.retry_s(hub.count)))
