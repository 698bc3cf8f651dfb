"""Processes of a mesh over the fake Consul, without a server: enough to lead a role."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hoploom.kit import registration
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh


@asynccontextmanager
async def member(consul: FakeConsul) -> AsyncIterator[Mesh]:
    """A process of the mesh with a session."""
    mesh = Mesh("w")
    mesh.consul = consul
    await consul.register(registration.record(mesh))
    for check in ("alive", "ready"):
        consul.set_check(mesh.id, check, "passing")
    loop, tasks = asyncio.get_running_loop(), list[asyncio.Task[None]]()
    mesh.spawn = lambda work: tasks.append(loop.create_task(work))
    try:
        async with asyncio.timeout(60):
            await mesh.session.ready()
        yield mesh
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
