"""The broker's HTTP side."""

from collections.abc import AsyncIterator

from aiohttp import web

from hoploom import kit
from hoploom.kit import tags
from hoploom.kit.errors import BadRequest, ConfigError
from hoploom.manager import access
from hoploom.manager.broker.looking import Broker
from hoploom.wire.fields import NAME

BROKER = web.AppKey("broker", Broker)


def attach(app: web.Application) -> None:
    """Have an application on the mesh be a broker."""

    async def looked(app: web.Application) -> AsyncIterator[None]:
        app[BROKER] = Broker(kit.mesh(app))
        yield

    app.cleanup_ctx.append(looked)
    access.add(app, [web.get("/broker", get_broker)], None)


async def get_broker(request: web.Request) -> web.Response:
    """The instance of `service=` to ask now, of the datacenter `dc=` where one is named."""
    service, dc = request.query.get("service", ""), request.query.get("dc", "")
    try:
        tags.check_service_name(service)
    except ConfigError as error:
        raise BadRequest("say which service: /broker?service=NAME, as Consul lists it") from error
    if dc and not NAME.fullmatch(dc):
        raise BadRequest(f"{dc[:63]!r} is no datacenter")
    found = await request.app[BROKER].best(service, dc)
    known = found.instance
    return web.json_response({"v": 1, "instance": known.id, "url": known.url, "dc": known.dc, "why": found.why})
