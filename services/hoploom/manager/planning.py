"""Plans of campaigns: what would be probed, at which rate and for how long, before anybody sends anything."""

import asyncio

from aiohttp import web

from hoploom import kit
from hoploom.manager import access
from hoploom.targets.plan import Plan
from hoploom.wire import plans
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.people import Role

ROUTE = "/api/v1/plans"


def attach(app: web.Application) -> None:
    """Have a manager plan for operators."""
    access.add(app, [web.post(ROUTE, post_plan)], Role.OPERATOR)


async def post_plan(request: web.Request) -> web.Response:
    """The plan of a campaign as it would be posted to the input service; nothing is made, and nothing is sent."""
    wanted = CampaignRequest.from_json(await kit.read_json(request))
    return web.json_response({"v": 1, "plan": plans.shown(await plan(wanted), wanted)})


async def plan(wanted: CampaignRequest) -> Plan:
    """A plan, made beside the event loop: a hundred thousand blocks take seconds.

    Raises:
        Unprocessable, Forbidden: As `plans.planned`.
    """
    return await asyncio.to_thread(plans.planned, wanted)
