"""Puts a manager together."""

from aiohttp import web

from hoploom import kit
from hoploom.kit import credentials
from hoploom.manager import ads_attaching, handlers, key_keeping, projecting, signing
from hoploom.manager.broker import handlers as broking
from hoploom.manager.dyfi import attaching as dyfi
from hoploom.manager.enrolment import attaching as enrolment
from hoploom.manager.fleet import attaching as fleet
from hoploom.manager.gateway import relaying
from hoploom.manager.joining import attaching as joining
from hoploom.manager.push import attaching as pushing
from hoploom.manager.settings import Settings
from hoploom.trust import attaching


def make_app(settings: Settings) -> web.Application:
    """The manager as an application: everything that no other service routes comes here."""
    app = web.Application()
    app[handlers.SETTINGS] = settings
    app[handlers.TEMPLATES] = handlers.templates()
    app.add_routes(
        [
            web.get("/", handlers.home),
            web.get("/api/v1/overview", handlers.overview),
            web.get("/api/v1/summary/{campaign}", handlers.summary),
            web.static("/static", handlers.HERE / "static"),
        ]
    )
    kit.setup(app, name="manager", routes=["/"], leader=_ROLES)
    kit.mesh(app).settings = settings
    token = credentials.read(settings.worker_token_file)
    attaching.attach(app, token)
    # Before the keys, which are to last until the last ad is signed.
    ads_attaching.attach(app, settings, token)
    signing.attach(app)
    projecting.attach(app)
    enrolment.attach(app, settings)
    broking.attach(app)
    operator_token = credentials.read(settings.operator_token_file)
    pushing.attach(app, operator_token)
    fleet.attach(app, operator_token)
    if settings.gateway:
        relaying.attach(app, settings.gateway_rate)
    dyfi.attach(app, settings)
    joining.attach(app, settings)
    app.router.add_route("*", "/{path:.+}", handlers.elsewhere)
    return app


_ROLES = {"manager": fleet.watch, key_keeping.ROLE: key_keeping.leads, projecting.ROLE: projecting.leads}
