"""Puts the sums into an output: which there are, when they are opened and closed, and what is asked of them."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from aiohttp import web

from hoploom import kit
from hoploom.kit import credentials
from hoploom.kit.clock import boottime_s
from hoploom.kit.http_client import Answer
from hoploom.output_service.handlers import NEWS, SETTINGS, STORE, TOKEN
from hoploom.output_service.rollups import geoip, handlers, path_handlers
from hoploom.output_service.rollups.batches import Rollup
from hoploom.output_service.rollups.cells import Cells
from hoploom.output_service.rollups.handlers import ROLLING
from hoploom.output_service.rollups.naming import Naming
from hoploom.output_service.rollups.paths import Paths
from hoploom.output_service.rollups.places import Locates, Places
from hoploom.output_service.rollups.rolling import Rolling

_TIMEOUT_S: Final = 10.0


def attach(app: web.Application) -> None:
    """Add up what is stored; call it when the store was entered into `cleanup_ctx`, so that it closes later.

    Raises:
        ConfigError: The GeoIP file cannot be read.
    """
    geoip_file = app[SETTINGS].geoip_file
    app.add_routes([*handlers.routes(), *path_handlers.routes()])
    app.cleanup_ctx.append(partial(_opened, locate=geoip.opened(geoip_file) if geoip_file else None))
    kit.background(app, _runs)


async def _opened(app: web.Application, locate: Locates | None) -> AsyncIterator[None]:
    naming = Naming(partial(_asked, app), boottime_s)
    rollups: list[Rollup] = [Cells(naming), Places(locate), Paths()]
    app[ROLLING] = rolling = Rolling(app[STORE], app[NEWS], naming, rollups)
    yield
    await asyncio.to_thread(rolling.close)


async def _runs(app: web.Application) -> None:
    await app[ROLLING].run()


async def _asked(app: web.Application, path: str) -> Answer:
    headers = credentials.header(app[TOKEN])
    return await kit.mesh(app).client("input").request("GET", path, headers=headers, timeout_s=_TIMEOUT_S)
