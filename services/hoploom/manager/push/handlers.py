"""Push's HTTP side: who listens, and the commands of operators."""

from aiohttp import web

from hoploom import kit
from hoploom.kit.errors import BadRequest, Forbidden, Unprocessable
from hoploom.manager.access import person
from hoploom.manager.audit import audit
from hoploom.manager.push.commanding import Commanding
from hoploom.manager.push.feed import Feed
from hoploom.manager.push.handing import hand_over
from hoploom.manager.push.hub import Hub
from hoploom.trust.attaching import GUARD
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.commands import Commands
from hoploom.wire.fields import NAME, Fields
from hoploom.wire.push import LIVE, PATH

HUB = web.AppKey("push_hub", Hub)
FEED = web.AppKey("push_feed", Feed)
COMMANDING = web.AppKey("push_commanding", Commanding)
_WORKER = "/api/v1/workers/{name}"


def listening() -> list[web.RouteDef]:
    """Where workers listen, who show who they are."""
    return [web.get(PATH, get_push, allow_head=False)]


def watching() -> list[web.RouteDef]:
    """Where pages listen."""
    return [web.get(LIVE, get_live, allow_head=False)]


def commanding() -> list[web.RouteDef]:
    """Where workers are commanded."""
    return [web.post(f"{_WORKER}/run", post_run), web.post(f"{_WORKER}/settings", post_settings)]


async def get_push(request: web.Request) -> web.Response:
    """Listen, as the worker `worker=`, until one of both ends."""
    caller, name = await request.app[GUARD].caller(request), request.query.get("worker", "")
    if not NAME.fullmatch(name):
        raise BadRequest(f"say who listens: {PATH}?worker=NAME")
    caller.must_be(name)
    feed = request.app[FEED]
    if feed.is_revoked(name):
        raise Forbidden(f"the worker {name} is revoked: ask the operators of the mesh")
    return hand_over(request, request.app[HUB], name, feed.now(name))


async def get_live(request: web.Request) -> web.Response:
    """Listen as a page: told when it is old, and nothing else that anybody may not read."""
    return hand_over(request, request.app[HUB], "", b"")


async def post_run(request: web.Request) -> web.Response:
    """Have a worker, or `all`, look for work now."""
    name = await _commanded(request)
    found = await request.app[COMMANDING].change(
        name, lambda before: Commands(run=before.run + 1, rate_pps=before.rate_pps)
    )
    return _changed(request, name, "is told to look for work", found)


async def post_settings(request: web.Request) -> web.Response:
    """Set how fast a worker, or `all`, may probe; 0 leaves it to its owner and the campaigns."""
    name = await _commanded(request)
    known = Fields(await kit.read_json(request), "a worker's settings")
    known.only(("v", "rate_pps"))
    rate_pps = known.integer("rate_pps", range(MAX_RATE_PPS + 1))
    found = await request.app[COMMANDING].change(name, lambda before: Commands(run=before.run, rate_pps=rate_pps))
    return _changed(request, name, f"may send {rate_pps or 'any number of'} packets a second", found)


async def _commanded(request: web.Request) -> str:
    name = request.match_info["name"]
    if not NAME.fullmatch(name):
        raise Unprocessable(f"{name[:63]!r} is no worker's name")
    await request.app[COMMANDING].require_known(name)
    return name


def _changed(request: web.Request, name: str, what: str, found: Commands) -> web.Response:
    audit(request, person(request), "command", f"worker {name} {what}")
    return web.json_response({**found.to_json(), "worker": name})
