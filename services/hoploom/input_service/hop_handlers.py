"""The HTTP side of hops."""

from aiohttp import web

from hoploom import kit
from hoploom.input_service import relay
from hoploom.input_service.hop_desk import HopDesk
from hoploom.trust.attaching import GUARD
from hoploom.wire.hops import HopReport

HOP_DESK = web.AppKey("input_hop_desk", HopDesk)


async def post_hops(request: web.Request) -> web.Response:
    """Take the hops that a worker's traceroutes found; says how many become targets, and why others do not."""
    caller = await request.app[GUARD].caller(request)
    relayed = relay.is_relayed(request, caller)
    report = HopReport.from_json(await kit.read_json(request))
    caller.must_be(report.worker)
    answer = await request.app[HOP_DESK].report(report, relayed=relayed)
    return web.json_response(answer.to_json())
