"""Puts a guard into a service: the managers' keys and the revocations are followed for as long as it serves."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.trust.guard import Guard
from hoploom.trust.key_set import KeySet
from hoploom.trust.revocations import Revocations

GUARD = web.AppKey("guard", Guard)
KEY_SET = web.AppKey("key_set", KeySet)
REVOCATIONS = web.AppKey("revocations", Revocations)


def attach(app: web.Application, shared_token: str) -> None:
    """Give an application `GUARD` and `KEY_SET`, there when it starts; call it right after `kit.setup`.

    Args:
        app: The application, on the mesh.
        shared_token: The mesh's own token; empty where this instance was given none.
    """

    async def guarded(app: web.Application) -> AsyncIterator[None]:
        consul = kit.mesh(app).consul
        app[KEY_SET], app[REVOCATIONS] = KeySet(consul), Revocations(consul)
        app[GUARD] = Guard(shared_token, app[KEY_SET], app[REVOCATIONS].is_revoked)
        yield

    app.cleanup_ctx.append(guarded)
    kit.background(app, _follow)


async def _follow(app: web.Application) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(app[KEY_SET].run())
        group.create_task(app[REVOCATIONS].run())
