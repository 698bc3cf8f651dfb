"""Puts an input instance together. It keeps no state of its own: everything is in Consul's KV store."""

from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.input_service import handlers
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.desk import Desk
from hoploom.input_service.journal import Journal
from hoploom.input_service.numbers import Numbers
from hoploom.input_service.sets import Sets
from hoploom.input_service.settings import Settings
from hoploom.kit import credentials

ROUTES = ("/targets", "/leases", "/api/v1/campaigns", "/api/v1/sets")


def make_app(settings: Settings) -> web.Application:
    """The input service as an application."""
    app = web.Application(client_max_size=settings.max_body_bytes)
    app[handlers.OPERATOR] = credentials.read(settings.operator_token_file)
    app[handlers.WORKER] = credentials.read(settings.worker_token_file)
    app.add_routes(
        [
            web.post("/api/v1/campaigns", handlers.post_campaign),
            web.get("/api/v1/campaigns", handlers.get_campaigns),
            web.get("/api/v1/campaigns/{id}", handlers.get_campaign),
            web.get("/api/v1/sets/{sha256}", handlers.get_set),
            web.post("/leases", handlers.post_lease),
            web.post("/leases/{lease}/done", handlers.post_done),
            web.get("/targets", handlers.get_targets),
        ]
    )
    kit.setup(app, name="input", routes=ROUTES)
    kit.mesh(app).settings = settings

    async def desk(app: web.Application) -> AsyncIterator[None]:
        consul = kit.mesh(app).consul
        numbers, sets, journal = Numbers(consul), Sets(consul), Journal(consul)
        app[handlers.SETS] = sets
        app[handlers.CAMPAIGNS] = campaigns = Campaigns(consul, numbers, sets, settings.max_targets)
        app[handlers.JOURNAL] = journal
        app[handlers.DESK] = Desk(campaigns, journal, numbers)
        yield

    app.cleanup_ctx.append(desk)
    return app
