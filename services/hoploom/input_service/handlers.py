"""The input service's HTTP side: parse, call the desk, encode."""

import asyncio
import logging
import math
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
from aiohttp import web

from hoploom import kit
from hoploom.input_service import operators, relay, shards, slice_sums
from hoploom.input_service.budget_desk import BudgetDesk
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.desk import Desk
from hoploom.input_service.elsewhere import Elsewhere
from hoploom.input_service.leases import TTL_S
from hoploom.input_service.overlay import Overlay
from hoploom.input_service.ownership import Ownership
from hoploom.input_service.progress import Progress
from hoploom.input_service.sets import Sets
from hoploom.input_service.stopping import Stopping
from hoploom.input_service.work import Wanted
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import BadRequest, NotFound
from hoploom.kit.http_client import Answer
from hoploom.kit.logs import request_id
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_address
from hoploom.targets.permutation import Permutation
from hoploom.trust.attaching import GUARD
from hoploom.wire.campaign import Campaign
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.fields import NAME, SHA256
from hoploom.wire.lease import MAX_LEASE, MAX_TTL_S, Lease, LeaseDone, LeaseRenewal, LeaseRequest, LeaseReturn
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.probe import PING, SKILLS

log = logging.getLogger(__name__)
CAMPAIGNS = web.AppKey("input_campaigns", Campaigns)
SETS = web.AppKey("input_sets", Sets)
PROGRESS = web.AppKey("input_progress", Progress)
BUDGET = web.AppKey("input_budget", BudgetDesk)
OWNERSHIP = web.AppKey("input_ownership", Ownership)
ELSEWHERE = web.AppKey("input_elsewhere", Elsewhere)
DESK = web.AppKey("input_desk", Desk)
OVERLAY = web.AppKey("input_overlay", Overlay)
STOPPING = web.AppKey("input_stopping", Stopping)
MAX_TARGETS_A_GET = 10_000
# Targets a second of a client that works in a shell loop: its lease lives long enough for that.
SIMPLE_PACE = 10
# It renews nothing, so that even a few targets get a minute.
LEAST_TTL_S = 60
LEASE_HEADER = "X-Lease"
_RETRY_AFTER = {"Retry-After": "1"}
_MESSAGES: Mapping[str, type[LeaseDone]] = {"done": LeaseDone, "renew": LeaseRenewal, "return": LeaseReturn}


async def post_campaign(request: web.Request) -> web.Response:
    """Make a campaign (201); the same request again gives the same campaign (200)."""
    by = operators.require(request)
    wanted = CampaignRequest.from_json(await kit.read_json(request))
    campaign, new = await request.app[CAMPAIGNS].create(wanted)
    if wanted.revise:
        # The edition before may have been stopped.
        await request.app[STOPPING].settle(campaign)
    if new:
        log.info("edition %s of %s is made by %s, request %s", campaign.edition, campaign.id, by, request_id.get())
    return web.json_response({"v": 1, "campaign": campaign.to_json()}, status=201 if new else 200)


async def post_stop(request: web.Request) -> web.Response:
    """Stop a campaign for good: nothing of it is handed out any more, and its results stay. It may be sent again."""
    by = operators.require(request)
    campaign, new = await request.app[STOPPING].stop(request.match_info["id"], by)
    if new:
        log.info("campaign %s is stopped by %s, request %s", campaign.id, by, request_id.get())
    return web.json_response({"v": 1, "changed": new, "campaign": campaign.to_json()})


async def get_campaigns(request: web.Request) -> web.Response:
    """All campaigns with their progress, oldest first; `parent=` names one whose chunks of hops are wanted instead.

    `here=yes` tells of this datacenter's slices alone.
    """
    parent = request.query.get("parent", "")
    campaigns = [each for each in await request.app[CAMPAIGNS].all() if each.parent == parent]
    rows = await asyncio.gather(*(_described(request, each) for each in campaigns))
    return web.json_response({"v": 1, "campaigns": list(rows)})


async def get_campaign(request: web.Request) -> web.Response:
    """One campaign with its progress by group."""
    campaign = await request.app[CAMPAIGNS].get(request.match_info["id"])
    return web.json_response({"v": 1, **await _described(request, campaign)})


async def get_shards(request: web.Request) -> web.Response:
    """The shards of one group's round with their owners; `group=` names the group."""
    campaign = await request.app[CAMPAIGNS].get(request.match_info["id"])
    rows = await request.app[PROGRESS].shards(campaign, _name(request, "group", "none"))
    return web.json_response({"v": 1, "campaign": campaign.id, "shards": rows})


async def get_slots(request: web.Request) -> web.Response:
    """Who owns which of the 64 slots that all shards lie in, as this instance has last seen it."""
    owners = request.app[OWNERSHIP].owners()
    rows = [
        {"slot": slot, "owner": each.instance, "url": each.url, "since_us": each.since_us}
        for slot, each in sorted(owners.items())
    ]
    return web.json_response({"v": 1, "slots": rows, "unowned": shards.SLOTS - len(rows)})


async def get_set(request: web.Request) -> web.Response:
    """The canonical document of a target set; its name is its SHA-256, so it may be cached for ever."""
    sha256 = request.match_info["sha256"]
    if not SHA256.fullmatch(sha256):
        raise NotFound("a target set is named by 64 hexadecimal digits")
    body = await request.app[SETS].document(sha256)
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return web.Response(body=body, content_type="application/json", headers=headers)


async def post_lease(request: web.Request) -> web.Response:
    """Hand out work: a lease, or 204 when there is none now."""
    caller = await request.app[GUARD].caller(request)
    relayed = relay.is_relayed(request, caller)
    asked = LeaseRequest.from_json(await kit.read_json(request))
    caller.must_be(asked.worker)
    wanted = _passed_on(request, asked) if relayed else Wanted(request=asked)
    lease = await request.app[DESK].lease(wanted, relayed=relayed)
    if lease is None:
        return web.Response(status=204, headers=_RETRY_AFTER)
    return web.json_response({"v": 1, "lease": lease.to_json()})


async def post_said(request: web.Request) -> web.Response:
    """Take what a worker says of its lease: it goes on, is done, or gives it back."""
    caller = await request.app[GUARD].caller(request)
    relayed = relay.is_relayed(request, caller)
    message = _MESSAGES[request.match_info["verb"]].from_json(await kit.read_json(request))
    caller.must_be(message.worker)
    answer = await request.app[DESK].said(request.match_info["lease"], message, relayed=relayed)
    if isinstance(answer, Answer):
        return _as_it_came(answer)
    return web.json_response(answer)


async def post_budget(request: web.Request) -> web.Response:
    """A question of another input instance to the keeper of the mesh's budget; not routed by Fabio."""
    (await request.app[GUARD].caller(request)).must_be_the_mesh()
    return web.json_response(dict(await request.app[BUDGET].answer(await kit.read_json(request))))


async def get_targets(request: web.Request) -> web.Response:
    """Addresses for a simple client, one a line, at most `count` of them; 204 when there are none now.

    The lease's id is in the header `X-Lease`; the next call acknowledges it with `ack=` or the same header. What is not
    acknowledged in time is handed out again: every target comes at least once, and after a crash perhaps twice. Its
    results are its own affair: no audit looks for them.
    """
    caller = await request.app[GUARD].caller(request)
    worker, group = _name(request, "worker", caller.name or "curl"), _name(request, "group", "")
    caller.must_be(worker)
    campaign = request.query.get("campaign", "")
    lease_id = request.query.get("ack", request.headers.get(LEASE_HEADER, ""))
    count = _whole(request, "count", 100, MAX_TARGETS_A_GET)
    if lease_id:
        done = LeaseDone(worker=worker, campaign=lease_id.partition(".")[0], group=group or worker)
        answer = await request.app[DESK].said(lease_id, done, relayed=False)
        if isinstance(answer, Answer) and not answer.ok:
            return _as_it_came(answer)
    wanted = LeaseRequest(
        request_id=_name(request, "request_id", uuid.uuid4().hex),
        worker=worker,
        group=group or worker,
        rate_pps=0,
        families=(4, 6),
        # Who names a campaign knows what it is for.
        skills=SKILLS if campaign else (PING,),
    )
    ttl_s = LEAST_TTL_S + math.ceil(count / SIMPLE_PACE)
    lease = await request.app[DESK].lease(
        Wanted(request=wanted, campaign=campaign, limit=count, ttl_s=ttl_s, audited=False)
    )
    if lease is None:
        return web.Response(status=204, headers=_RETRY_AFTER)
    found = await asyncio.to_thread(_addresses, await request.app[SETS].addresses(lease.revision), lease)
    lines = _allowed(found, lease.family, request.app[OVERLAY].current or OverlayDocument())
    return web.Response(text="".join(f"{line}\n" for line in lines), headers={LEASE_HEADER: lease.id})


def _addresses(whole: AddressSet, lease: Lease) -> list[str]:
    order = Permutation(whole.n, bytes.fromhex(lease.order_key))
    return whole.texts(order.address_indexes(np.arange(lease.start, lease.stop, dtype=np.int64)))


def _allowed(addresses: list[str], family: int, orders: OverlayDocument) -> list[str]:
    """Without opted-out ones: a simple client does not know of them."""
    if not orders.away_from(family):
        return addresses
    return [each for each in addresses if not orders.covers(family, parse_address(each)[1])]


async def _described(request: web.Request, campaign: Campaign) -> dict[str, Any]:
    groups, dc = await request.app[PROGRESS].groups(campaign), kit.mesh(request).dc
    shown = {"campaign": campaign.to_json(), "groups": groups}
    if request.query.get("here") == "yes" or set(campaign.datacenters) <= {dc}:
        return shown
    parts = await request.app[ELSEWHERE].parts(campaign)
    own = {dc: slice_sums.Part(groups, wall_us())} if dc in campaign.datacenters else {}
    return {**shown, **slice_sums.joined(campaign, {**parts, **own})}


def _passed_on(request: web.Request, asked: LeaseRequest) -> Wanted:
    """A request with what another instance has added to it."""
    return Wanted(
        request=asked,
        campaign=request.query.get("campaign", ""),
        limit=_whole(request, "limit", MAX_LEASE, MAX_LEASE),
        ttl_s=_whole(request, "ttl_s", TTL_S, MAX_TTL_S),
        audited=request.query.get("audited") != "no",
    )


def _as_it_came(answer: Answer) -> web.Response:
    """What the owner says to the worker."""
    media_type = answer.headers.get("Content-Type", "application/json").partition(";")[0]
    return web.Response(status=answer.status, body=answer.body, content_type=media_type)


def _name(request: web.Request, field: str, default: str) -> str:
    # An empty one is as if left out: as a worker's or a request's it would be written into a record.
    text = request.query.get(field) or default
    if text and not NAME.fullmatch(text):
        raise BadRequest(f"{field} is letters, digits, dots and dashes, not {text[:40]!r}")
    return text


def _whole(request: web.Request, field: str, default: int, most: int) -> int:
    text = request.query.get(field, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise BadRequest(f"{field} is a whole number from 1 to {most}, not {text[:40]!r}")
    return int(text)
