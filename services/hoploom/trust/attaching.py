"""Puts a guard into a service: the managers' keys, who is revoked and who is enrolled are followed while it serves."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.trust.guard import Guard
from hoploom.trust.key_set import KeySet
from hoploom.trust.revocations import Revocations
from hoploom.trust.roll import Roll

GUARD = web.AppKey("guard", Guard)
KEY_SET = web.AppKey("key_set", KeySet)
REVOCATIONS = web.AppKey("revocations", Revocations)
ROLL = web.AppKey("roll", Roll)


def attach(app: web.Application, shared_token: str) -> None:
    """Give an application `GUARD` and what it knows, there when it starts; call it right after `kit.setup`.

    Args:
        app: The application, on the mesh.
        shared_token: The mesh's own token; empty where this instance was given none.
    """

    async def guarded(app: web.Application) -> AsyncIterator[None]:
        mesh = kit.mesh(app)
        consul = mesh.consul
        app[KEY_SET], app[REVOCATIONS], app[ROLL] = KeySet(consul), Revocations(consul), Roll(mesh.dc)
        app[GUARD] = Guard(shared_token, app[KEY_SET], app[REVOCATIONS].is_revoked, app[ROLL])
        yield

    app.cleanup_ctx.append(guarded)
    kit.background(app, _follow)


async def _follow(app: web.Application) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app[KEY_SET].run())
        group.create_task(app[REVOCATIONS].run())
        group.create_task(app[ROLL].follow(kit.mesh(app).consul))
