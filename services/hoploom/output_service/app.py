"""Puts an output instance together: its folder, its store, its routes."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.kit import NotReady, credentials
from hoploom.kit.errors import Unavailable
from hoploom.kit.ownership import Ownership
from hoploom.output_service import atlas_handlers, confirming, coverage, dump, dumps, feed, handlers, hops, traces_to
from hoploom.output_service.archive import Archive, Limits
from hoploom.output_service.collecting import serving
from hoploom.output_service.hop_feed import HopFeed
from hoploom.output_service.intake import Intake
from hoploom.output_service.news import News
from hoploom.output_service.rollups import attaching as rollups
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import Store
from hoploom.trust import attaching, reading
from hoploom.wire import routes

log = logging.getLogger(__name__)
STORES = "hoploom/stores/"
_ANNOUNCE_AGAIN_S = 2.0


def make_app(settings: Settings) -> web.Application:
    """The output service as an application; its database opens at the start and closes last."""
    app = web.Application(client_max_size=settings.max_body_bytes)
    app[handlers.SETTINGS] = settings
    app[handlers.TOKEN] = credentials.read(settings.worker_token_file)
    app[handlers.INTAKE] = Intake(settings.max_waiting_bytes)
    app[handlers.UNPACKING] = asyncio.Semaphore(handlers.MAX_UNPACKING)
    app[handlers.IN_FLIGHT] = set()
    app[handlers.NEWS] = News()
    app[feed.FEEDS], app[feed.READING] = asyncio.Semaphore(feed.MAX_FEEDS), asyncio.Semaphore(feed.MAX_READING)
    app[confirming.OPERATOR] = credentials.read(settings.operator_token_file)
    app[dumps.LIMITS] = Limits.of(settings)
    app[dumps.DUMPS] = asyncio.Semaphore(dumps.MAX_DUMPS)
    app.add_routes(
        [
            web.post("/results", handlers.post_results),
            *feed.routes(),
            *dumps.routes(),
            *atlas_handlers.routes(),
            web.post(confirming.ROUTE, confirming.post_confirmed),
            web.get("/api/v1/results", handlers.get_results),
            web.get("/api/v1/output/campaigns/{number}/batches", handlers.get_batches),
            web.get(coverage.ROUTE, coverage.get_coverage),
            web.get(traces_to.ROUTE, traces_to.get_traces),
            web.get(hops.ROUTE, hops.get_hops),
        ]
    )

    async def takes_batches() -> None:
        if app[handlers.STORE].has_ended:
            raise NotReady("the writer has ended")
        if app[handlers.STORE].waiting >= settings.max_waiting:
            raise NotReady(f"{settings.max_waiting} batches wait to be written: the disk is too slow")

    kit.setup(app, name="output", routes=routes.OUTPUT, ready=[takes_batches])
    attaching.attach(app, app[handlers.TOKEN])
    reading.attach(app, app[confirming.OPERATOR], is_open=settings.open_reading)
    mesh = kit.mesh(app)
    mesh.settings = settings
    mesh.reports.append(lambda: f"storing in {settings.db_dir}: {app[dumps.ARCHIVE].report()}")
    serving.setup(app, settings)
    kit.health_routes(app, reading.guarded(dumps.routes(), is_open=settings.open_reading))
    app.cleanup_ctx.append(_store)
    rollups.attach(app)
    kit.on_drain(app, feed.end)
    kit.background(app, _writes)
    kit.background(app, _announces)
    kit.background(app, _feeds)
    kit.background(app, _archives)
    return app


async def _store(app: web.Application) -> AsyncIterator[None]:
    settings = app[handlers.SETTINGS]
    ownership = await asyncio.to_thread(Ownership, settings.db_dir, "--db-dir", settings.wait_lock_s)
    dump.sweep(settings.db_dir)
    app[handlers.STORE] = store = Store(settings.db_dir, settings.max_waiting)
    app[dumps.ARCHIVE] = Archive(store, app[dumps.LIMITS])
    kit.mesh(app).meta["store"] = store.uuid
    yield
    await asyncio.to_thread(store.close)
    ownership.release()


async def _writes(app: web.Application) -> None:
    """Ends this process when the store's writer ends by a bug, so that the scheduler starts another."""
    await app[handlers.STORE].ended()


async def _feeds(app: web.Application) -> None:
    """Tells the input service of new hops."""
    await HopFeed(app[handlers.STORE], kit.mesh(app).through_fabio(), app[handlers.TOKEN]).run()


async def _archives(app: web.Application) -> None:
    """Begins files, closes them and lets them go."""
    await app[dumps.ARCHIVE].run()


async def _announces(app: web.Application) -> None:
    """Enters this store in the list by which an audit knows whom to ask, also while its instance is away."""
    mesh, store = kit.mesh(app), app[handlers.STORE].uuid
    value = json.dumps({"v": 1, "uuid": store, "host": mesh.address, "at_us": mesh.booted_at_us}).encode()
    while True:
        try:
            await mesh.consul.kv_put(f"{STORES}{store}", value)
        except Unavailable as error:
            log.info("the store is not in the list of stores yet: %s", error)
            await asyncio.sleep(_ANNOUNCE_AGAIN_S)
        else:
            return
