"""The HTTP side of hops."""

from aiohttp import web

from hoploom import kit
from hoploom.input_service import handlers, relay
from hoploom.input_service.hop_desk import HopDesk
from hoploom.wire.hops import HopReport

HOP_DESK = web.AppKey("input_hop_desk", HopDesk)


async def post_hops(request: web.Request) -> web.Response:
    """Take the hops that a worker's traceroutes found; says how many become targets, and why others do not."""
    kit.credentials.require(request, request.app[handlers.WORKER])
    report = HopReport.from_json(await kit.read_json(request))
    answer = await request.app[HOP_DESK].report(report, relayed=relay.HEADER in request.headers)
    return web.json_response(answer.to_json())
