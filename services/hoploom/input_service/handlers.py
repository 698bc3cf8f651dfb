"""The input service's HTTP side: parse, call the desk, encode."""

import asyncio
import math
import uuid
from typing import Any

import numpy as np
from aiohttp import web

from hoploom import kit
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.desk import Desk
from hoploom.input_service.group_record import GroupRecord
from hoploom.input_service.journal import Journal
from hoploom.input_service.leases import MIN_TTL_S
from hoploom.input_service.sets import Sets
from hoploom.kit.errors import BadRequest, NotFound
from hoploom.targets.address_set import AddressSet
from hoploom.targets.permutation import Permutation
from hoploom.wire.campaign import Campaign, CampaignRequest
from hoploom.wire.fields import NAME, SHA256
from hoploom.wire.lease import Lease, LeaseDone, LeaseRequest

CAMPAIGNS = web.AppKey("input_campaigns", Campaigns)
SETS = web.AppKey("input_sets", Sets)
JOURNAL = web.AppKey("input_journal", Journal)
DESK = web.AppKey("input_desk", Desk)
OPERATOR = web.AppKey("input_operator_token", str)
WORKER = web.AppKey("input_worker_token", str)
MAX_TARGETS_A_GET = 10_000
# Targets a second of a client that works in a shell loop: its lease lives long enough for that.
SIMPLE_PACE = 10
LEASE_HEADER = "X-Lease"
_RETRY_AFTER = {"Retry-After": "1"}


async def post_campaign(request: web.Request) -> web.Response:
    """Make a campaign (201); the same request again gives the same campaign (200)."""
    kit.credentials.require(request, request.app[OPERATOR])
    wanted = CampaignRequest.from_json(await kit.read_json(request))
    campaign, new = await request.app[CAMPAIGNS].create(wanted)
    return web.json_response({"v": 1, "campaign": campaign.to_json()}, status=201 if new else 200)


async def get_campaigns(request: web.Request) -> web.Response:
    """All campaigns with their progress, oldest first."""
    rows = await asyncio.gather(*(_described(request, each) for each in await request.app[CAMPAIGNS].all()))
    return web.json_response({"v": 1, "campaigns": list(rows)})


async def get_campaign(request: web.Request) -> web.Response:
    """One campaign with its progress by group."""
    campaign = await request.app[CAMPAIGNS].get(request.match_info["id"])
    return web.json_response({"v": 1, **await _described(request, campaign)})


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
    kit.credentials.require(request, request.app[WORKER])
    wanted = LeaseRequest.from_json(await kit.read_json(request))
    lease = await request.app[DESK].lease(wanted)
    if lease is None:
        return web.Response(status=204, headers=_RETRY_AFTER)
    return web.json_response({"v": 1, "lease": lease.to_json()})


async def post_done(request: web.Request) -> web.Response:
    """Take back a lease whose results are all stored."""
    kit.credentials.require(request, request.app[WORKER])
    message = LeaseDone.from_json(await kit.read_json(request))
    record = await request.app[DESK].done(request.match_info["lease"], message)
    return web.json_response({"v": 1, **_progress(record)})


async def get_targets(request: web.Request) -> web.Response:
    """Addresses for a simple client, one a line, at most `count` of them; 204 when there are none now.

    The lease's id is in the header `X-Lease`; the next call acknowledges it with `ack=` or the same header. What is not
    acknowledged in time is handed out again: every target comes at least once, and after a crash perhaps twice.
    """
    kit.credentials.require(request, request.app[WORKER])
    worker, group = _name(request, "worker", "curl"), _name(request, "group", "")
    lease_id = request.query.get("ack", request.headers.get(LEASE_HEADER, ""))
    count = _count(request)
    if lease_id:
        done = LeaseDone(worker=worker, campaign=lease_id.partition(".")[0], group=group or worker)
        await request.app[DESK].done(lease_id, done)
    wanted = LeaseRequest(
        request_id=_name(request, "request_id", uuid.uuid4().hex),
        worker=worker,
        group=group or worker,
        rate_pps=0,
        families=(4, 6),
    )
    lease = await request.app[DESK].lease(
        wanted,
        campaign=request.query.get("campaign", ""),
        limit=count,
        least_ttl_s=MIN_TTL_S + math.ceil(count / SIMPLE_PACE),
    )
    if lease is None:
        return web.Response(status=204, headers=_RETRY_AFTER)
    lines = await asyncio.to_thread(_addresses, await request.app[SETS].addresses(lease.revision), lease)
    return web.Response(text="\n".join(lines) + "\n", headers={LEASE_HEADER: lease.id})


def _addresses(whole: AddressSet, lease: Lease) -> list[str]:
    order = Permutation(whole.n, bytes.fromhex(lease.order_key))
    return whole.texts(order.address_indexes(np.arange(lease.start, lease.stop, dtype=np.int64)))


async def _described(request: web.Request, campaign: Campaign) -> dict[str, Any]:
    rows = {}
    for name, (record, per_s) in (await request.app[JOURNAL].groups(campaign.id)).items():
        left_s = (record.targets - record.done) / per_s if per_s else None
        pps = per_s * campaign.probe.count if per_s is not None else None
        rows[name] = {**_progress(record), "rate_pps": pps, "seconds_left": left_s}
    return {"campaign": campaign.to_json(), "groups": rows}


def _progress(record: GroupRecord) -> dict[str, Any]:
    return {
        "targets": record.targets,
        "handed_out": record.handed_out,
        "done": record.done,
        "outstanding": record.outstanding,
        "reissued": record.reissued,
        "finished": record.finished,
        "began_at_us": record.began_at_us,
        "changed_at_us": record.changed_at_us,
    }


def _name(request: web.Request, field: str, default: str) -> str:
    text = request.query.get(field, default)
    if text and not NAME.fullmatch(text):
        raise BadRequest(f"{field} is letters, digits, dots and dashes, not {text[:40]!r}")
    return text


def _count(request: web.Request) -> int:
    text = request.query.get("count", "100")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_TARGETS_A_GET:
        raise BadRequest(f"count is a whole number from 1 to {MAX_TARGETS_A_GET}, not {text[:40]!r}")
    return int(text)
