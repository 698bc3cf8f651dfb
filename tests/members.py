"""What takes part in a mesh within a test's own process: enough of it to lead a role."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom import kit
from hoploom.kit import registration
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh, State


@asynccontextmanager
async def member(consul: FakeConsul) -> AsyncIterator[Mesh]:
    """One over the fake Consul, with a session."""
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


@asynccontextmanager
async def served_member(url: str) -> AsyncIterator[Mesh]:
    """A process of the mesh with a real Consul, whose checks it answers."""
    app = web.Application()
    kit.setup(app, name="w")
    mesh = kit.mesh(app)
    async with TestServer(app) as server:
        mesh.consul, mesh.port, mesh.state = ConsulApi(url), int(server.port or 0), State.SERVING
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[None]] = []
        mesh.spawn = lambda work: tasks.append(loop.create_task(work))
        mesh.spawn(registration.keep(mesh))
        try:
            async with asyncio.timeout(60):
                await mesh.session.ready()
            yield mesh
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
