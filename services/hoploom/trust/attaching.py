"""Puts a guard into a service: managers' keys, who is revoked or enrolled, and people's tokens are followed."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.trust.guard import Guard
from hoploom.trust.key_set import KeySet
from hoploom.trust.people import PEOPLE, People
from hoploom.trust.revocations import Revocations
from hoploom.trust.roll import Roll

GUARD = web.AppKey("guard", Guard)
KEY_SET = web.AppKey("key_set", KeySet)
REVOCATIONS = web.AppKey("revocations", Revocations)
ROLL = web.AppKey("roll", Roll)


def attach(app: web.Application, shared_token: str) -> None:
    """Give an application `GUARD` and `PEOPLE`, which know when it starts; call it right after `kit.setup`.

    Args:
        app: The application, on the mesh.
        shared_token: The mesh's own token; empty where this instance was given none.
    """
    kit.mesh(app).token = shared_token

    async def guarded(app: web.Application) -> AsyncIterator[None]:
        mesh = kit.mesh(app)
        consul = mesh.consul
        app[KEY_SET], app[REVOCATIONS], app[ROLL] = KeySet(consul), Revocations(consul), Roll(mesh.dc)
        app[PEOPLE] = People(consul)
        app[GUARD] = Guard(shared_token, app[KEY_SET], app[REVOCATIONS].is_revoked, app[ROLL])
        yield

    app.cleanup_ctx.append(guarded)
    kit.background(app, _follow)


async def _follow(app: web.Application) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app[KEY_SET].run())
        group.create_task(app[REVOCATIONS].run())
        group.create_task(app[PEOPLE].run())
        group.create_task(app[ROLL].follow(kit.mesh(app).consul))
