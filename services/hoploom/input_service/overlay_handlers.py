"""The overlay's HTTP side: read by long poll, changed by an operator. Every change may be sent again."""

import logging
import re
from collections.abc import Callable, Iterable

from aiohttp import web

from hoploom import kit
from hoploom.input_service import handlers, operators
from hoploom.kit.errors import BadRequest, Forbidden, NotFound, Unauthorized, Unavailable, Unprocessable
from hoploom.kit.logs import request_id
from hoploom.targets.notation import parse_block
from hoploom.trust.attaching import GUARD
from hoploom.trust.once import once
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.fields import CAMPAIGN_ID, NAME, PRINTABLE, Fields
from hoploom.wire.overlay import OptOut, OverlayDocument

log = logging.getLogger(__name__)
ROUTE = "/api/v1/overlay"
MAX_WAIT_S = 25
_EMPTY_OR_CAMPAIGN = re.compile(f"|{CAMPAIGN_ID.pattern}")
_CAPS = ("rate_pps", "network_pps")
_LONGEST_BLOCK = 64
Change = Callable[[OverlayDocument], OverlayDocument]


def routes() -> list[web.RouteDef]:
    """All routes of the overlay."""
    return [
        web.get(ROUTE, get_overlay),
        web.get(f"{ROUTE}/summary", get_summary),
        web.post(f"{ROUTE}/pause", post_pause),
        web.post(f"{ROUTE}/opt-outs", once(post_opt_out, operators.require)),
        web.delete(f"{ROUTE}/opt-outs", delete_opt_out),
        web.post(f"{ROUTE}/caps", post_caps),
        web.post(f"{ROUTE}/revocations", post_revocation),
    ]


async def get_overlay(request: web.Request) -> web.Response:
    """The overlay when its version is another than `known=`, at once or within `wait_s=`; else 304."""
    await _require_known(request)
    known, wait_s = _number(request, "known", -1), _number(request, "wait_s", 0)
    document = await request.app[handlers.OVERLAY].news(known, min(max(wait_s, 0), MAX_WAIT_S))
    if document is None:
        return web.Response(status=304)
    return web.json_response({"v": 1, "overlay": document.to_json()})


async def get_summary(request: web.Request) -> web.Response:
    """What anybody may know: what is paused, the caps, and how many opt-outs and revoked workers there are."""
    document = request.app[handlers.OVERLAY].current
    if document is None:
        raise Unavailable("pauses and opt-outs are not known yet")
    # What is stopped is no pause, though it travels as one to who knows no stops.
    known = {**document.to_json(), "paused_campaigns": list(document.paused_campaigns)}
    counts = {name: len(known[name]) for name in ("opt_outs", "revoked")}
    shown = {name: known[name] for name in ("version", "paused", "paused_campaigns", *_CAPS)}
    return web.json_response({"v": 1, **shown, **counts})


async def post_pause(request: web.Request) -> web.Response:
    """Pause or resume everything, or one campaign."""
    known = await _asked(request, "a pause", ("paused", "campaign"))
    campaign, paused = known.text("campaign", _EMPTY_OR_CAMPAIGN, ""), known.flag("paused")
    if campaign:
        await _require_going_on(request, campaign, paused=paused)
    what = f"{campaign or 'everything'} is {'paused' if paused else 'resumed'}"
    return await _changed(request, what, lambda before: before.with_pause(campaign, paused=paused))


async def post_opt_out(request: web.Request) -> web.Response:
    """Stay away from a block."""
    known = await _asked(request, "an opt-out", ("block", "until", "note"))
    today = request.app[handlers.OVERLAY].today()
    opt_out = OptOut(
        block=str(parse_block(known.text("block", PRINTABLE, longest=_LONGEST_BLOCK))),
        since=today,
        until=known.text("until", PRINTABLE, "", longest=10),
        note=known.text("note", PRINTABLE, "", longest=200),
    )
    if not opt_out.holds(today):
        raise Unprocessable(f"the opt-out would have ended: its last day is {opt_out.until}, and it is {today} in UTC")
    return await _changed(request, f"{opt_out.block} is opted out", lambda before: before.with_opt_out(opt_out))


async def delete_opt_out(request: web.Request) -> web.Response:
    """Probe a block again; `block=` names it."""
    operators.require(request)
    block = str(parse_block(request.query.get("block", "")[:_LONGEST_BLOCK]))
    return await _changed(request, f"{block} is opted in again", lambda before: before.without_opt_out(block))


async def post_caps(request: web.Request) -> web.Response:
    """Limit the packets a second of each campaign, or to each network; 0 takes a cap away."""
    known = await _asked(request, "caps", _CAPS)
    caps = {name: known.integer(name, range(MAX_RATE_PPS + 1)) for name in _CAPS if known.has(name)}
    return await _changed(request, f"caps are {caps}", lambda before: before.with_caps(**caps))


async def post_revocation(request: web.Request) -> web.Response:
    """Give a worker no work any more, or again."""
    known = await _asked(request, "a revocation", ("worker", "revoked"))
    worker, revoked = known.text("worker", NAME), known.flag("revoked")
    what = f"worker {worker} is {'revoked' if revoked else 'let in again'}"
    return await _changed(request, what, lambda before: before.with_revoked(worker, revoked=revoked))


async def _asked(request: web.Request, what: str, names: Iterable[str]) -> Fields:
    operators.require(request)
    known = Fields(await kit.read_json(request), what)
    known.only(("v", *names))
    return known


async def _require_going_on(request: web.Request, campaign_id: str, *, paused: bool) -> None:
    try:
        campaign = await request.app[handlers.CAMPAIGNS].get(campaign_id)
    except NotFound:
        if paused:
            # A slip in its name must not look like a pause.
            raise
        return
    if campaign.stopped_us:
        raise Unprocessable(
            f"campaign {campaign_id} was stopped by {campaign.stopped_by}, for good: map its targets with --restart to "
            "begin anew"
        )


async def _changed(request: web.Request, what: str, change: Change) -> web.Response:
    by = operators.require(request)
    after, new = await request.app[handlers.OVERLAY].change(change)
    if new:
        log.info("overlay version %s: %s, asked for by %s, request %s", after.version, what, by, request_id.get())
    return web.json_response({"v": 1, "changed": new, "overlay": after.to_json()})


async def _require_known(request: web.Request) -> None:
    """Workers and operators alike may read."""
    try:
        operators.require(request)
    except (Unauthorized, Forbidden):
        await request.app[GUARD].caller(request)


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch(r"-?[0-9]{1,16}", text):
        raise BadRequest(f"{name} is a whole number, not {text[:40]!r}")
    return int(text)
