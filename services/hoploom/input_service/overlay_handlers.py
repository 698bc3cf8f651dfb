"""The overlay's HTTP side: read by long poll, changed by an operator."""

import logging
import re
from collections.abc import Callable

from aiohttp import web

from hoploom import kit
from hoploom.input_service.overlay import Overlay
from hoploom.kit.errors import BadRequest, Unauthorized
from hoploom.wire.campaign import MAX_RATE_PPS
from hoploom.wire.fields import CAMPAIGN_ID, NAME, PRINTABLE, Fields
from hoploom.wire.overlay import DATE, OptOut, OverlayDocument

log = logging.getLogger(__name__)
OVERLAY = web.AppKey("input_overlay", Overlay)
OPERATOR = web.AppKey("input_overlay_operator_token", str)
WORKER = web.AppKey("input_overlay_worker_token", str)
ROUTE = "/api/v1/overlay"
MAX_WAIT_S = 25
_EMPTY_OR_CAMPAIGN = re.compile(f"|{CAMPAIGN_ID.pattern}")
_EMPTY_OR_DATE = re.compile(f"|{DATE.pattern}")


def routes() -> list[web.RouteDef]:
    """All routes of the overlay."""
    return [
        web.get(ROUTE, get_overlay),
        web.post(f"{ROUTE}/pause", post_pause),
        web.post(f"{ROUTE}/opt-outs", post_opt_out),
        web.delete(f"{ROUTE}/opt-outs", delete_opt_out),
        web.post(f"{ROUTE}/caps", post_caps),
        web.post(f"{ROUTE}/revocations", post_revocation),
    ]


async def get_overlay(request: web.Request) -> web.Response:
    """The overlay when its version is another than `known=`, at once or within `wait_s=`; else 304."""
    _known_to_us(request)
    known, wait_s = _number(request, "known", -1), _number(request, "wait_s", 0)
    document = await request.app[OVERLAY].news(known, min(wait_s, MAX_WAIT_S))
    if document is None:
        return web.Response(status=304)
    return web.json_response({"v": 1, "overlay": document.to_json()})


async def post_pause(request: web.Request) -> web.Response:
    """Pause or resume everything, or one campaign."""
    known = await _asked(request, "a pause")
    campaign, paused = known.text("campaign", _EMPTY_OR_CAMPAIGN, ""), known.flag("paused")
    return await _changed(request, lambda before: before.with_pause(campaign, paused=paused))


async def post_opt_out(request: web.Request) -> web.Response:
    """Stay away from a block."""
    known = await _asked(request, "an opt-out")
    opt_out = OptOut(
        block=known.text("block", PRINTABLE, longest=64),
        until=known.text("until", _EMPTY_OR_DATE, ""),
        note=known.text("note", PRINTABLE, "", longest=200),
    )
    return await _changed(request, lambda before: before.with_opt_out(opt_out))


async def delete_opt_out(request: web.Request) -> web.Response:
    """Probe a block again; `block=` names it."""
    kit.credentials.require(request, request.app[OPERATOR])
    block = request.query.get("block", "")
    return await _changed(request, lambda before: before.without_opt_out(block))


async def post_caps(request: web.Request) -> web.Response:
    """Limit the packets a second of each campaign, or to each network; 0 takes a cap away."""
    known = await _asked(request, "caps")
    caps = {name: known.integer(name, range(MAX_RATE_PPS + 1)) for name in _CAPS if known.has(name)}
    return await _changed(request, lambda before: before.with_caps(**caps))


async def post_revocation(request: web.Request) -> web.Response:
    """Give a worker no work any more, or again."""
    known = await _asked(request, "a revocation")
    worker, revoked = known.text("worker", NAME), known.flag("revoked")
    return await _changed(request, lambda before: before.with_revoked(worker, revoked=revoked))


_CAPS = ("rate_pps", "network_pps")


async def _asked(request: web.Request, what: str) -> Fields:
    kit.credentials.require(request, request.app[OPERATOR])
    return Fields(await kit.read_json(request), what)


async def _changed(request: web.Request, change: Callable[[OverlayDocument], OverlayDocument]) -> web.Response:
    after = await request.app[OVERLAY].change(change)
    log.info("overlay is at version %s after %s %s", after.version, request.method, request.path)
    return web.json_response({"v": 1, "overlay": after.to_json()})


def _known_to_us(request: web.Request) -> None:
    """Workers and operators alike may read."""
    try:
        kit.credentials.require(request, request.app[WORKER])
    except Unauthorized:
        kit.credentials.require(request, request.app[OPERATOR])


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"-?[0-9]{1,16}", text):
        raise BadRequest(f"{name} is a whole number, not {text[:40]!r}")
    return int(text)
