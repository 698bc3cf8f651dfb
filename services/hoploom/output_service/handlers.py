"""The output service's HTTP side: parse, call the store, encode."""

import asyncio
import re

from aiohttp import web

from hoploom.kit.errors import BadRequest, Conflict, TooLarge, Unavailable
from hoploom.output_service import intake, newest
from hoploom.output_service.intake import Intake, Place
from hoploom.output_service.news import News
from hoploom.output_service.schema import EVERY_BATCH
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import Store
from hoploom.trust.attaching import GUARD
from hoploom.wire import batch_codec
from hoploom.wire.batch import TEXT_PATTERNS, Batch

STORE = web.AppKey("output_store", Store)
SETTINGS = web.AppKey("output_settings", Settings)
TOKEN = web.AppKey("output_worker_token", str)
INTAKE = web.AppKey("output_intake", Intake)
NEWS = web.AppKey("output_news", News)
UNPACKING = web.AppKey("output_unpacking", asyncio.Semaphore)
IN_FLIGHT = web.AppKey("output_batches_in_flight", set[str])
MAX_UNPACKING = 2
"""Bodies that are unpacked at a time: until they are checked, a small one may take 50 MB."""

SLOW_S, SLOWEST_BYTES_S = 30.0, 16_384
"""A body has so much time, and as much as a line of so many bytes a second needs; workers give up then too."""

MAX_LIMIT = 1000
MAX_BATCHES = 10_000
_BATCH_NAMES = (
    "batch lease worker group round family start stop rows answered lost unreachable failed seq suspect kind hops"
).split()
_OF_CAMPAIGN = f"""
SELECT batch, lease, worker, worker_group, round, family, start, stop, result_rows, answered, lost, unreachable, failed,
  seq, suspect, kind, hop_rows
FROM {EVERY_BATCH} WHERE campaign_number = ? AND seq > ? ORDER BY seq LIMIT ?
"""
_DIGITS = re.compile("[0-9]{1,19}")


async def post_results(request: web.Request) -> web.Response:
    """Store a batch; answered when it is on the disk."""
    caller = await request.app[GUARD].caller(request)
    with request.app[INTAKE].place() as place:
        batch = await _received(request, place)
        caller.must_be(batch.worker)
        in_flight = request.app[IN_FLIGHT]
        if batch.batch in in_flight:
            raise Conflict(f"batch {batch.batch} is being stored just now; ask again")
        in_flight.add(batch.batch)
        try:
            stored = await request.app[STORE].append(batch)
        finally:
            in_flight.discard(batch.batch)
    if not stored.duplicate:
        request.app[NEWS].ring()
    answer = {"v": 1, "batch": batch.batch, "stored": len(batch.columns), "duplicate": stored.duplicate}
    return web.json_response({**answer, "store": request.app[STORE].uuid, "seq": stored.seq})


async def _received(request: web.Request, place: Place) -> Batch:
    """The checked batch of a request, as soon as there is room for it."""
    most = request.app[SETTINGS].max_body_bytes
    size_bytes = most if request.content_length is None else min(request.content_length, most)
    place.resize(size_bytes)
    try:
        async with asyncio.timeout(SLOW_S + size_bytes / SLOWEST_BYTES_S):
            body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge(f"the body is over {most} bytes") from error
    except TimeoutError as error:
        raise Unavailable("the body comes too slowly, and takes the room of others") from error
    async with request.app[UNPACKING]:
        batch = await asyncio.to_thread(batch_codec.unpack, body, request.content_type)
    place.resize(intake.size_bytes(batch))
    return batch


async def get_results(request: web.Request) -> web.Response:
    """The newest results of a `kind=`, newest first; `campaign=`, `limit=` and `before=` (a cursor) narrow them."""
    kind = request.query.get("kind", "ping")
    if kind not in newest.KINDS:
        raise BadRequest(f"kind is {' or '.join(newest.KINDS)}, not {kind[:40]!r}")
    limit = _number("limit", request.query.get("limit", "100"), MAX_LIMIT)
    before = _number("before", request.query.get("before", str(newest.END)), newest.END)
    campaign = request.query.get("campaign", "")
    if campaign and not TEXT_PATTERNS["campaign"].fullmatch(campaign):
        raise BadRequest(f"{campaign[:40]!r} is no id of a campaign")
    found = await newest.newest(request.app[STORE], kind, campaign, before, limit)
    return web.json_response({"v": 1, "results": found})


async def get_batches(request: web.Request) -> web.Response:
    """The batches of a campaign with their counts in the order of `seq`, `limit=` of them `after=` a seq.

    `next` in the answer is the `after` of the next page, null behind the last.
    """
    number = _number("a campaign's number", request.match_info["number"], newest.END)
    limit = _number("limit", request.query.get("limit", str(MAX_BATCHES)), MAX_BATCHES)
    after = _number("after", request.query["after"], newest.END) if "after" in request.query else 0
    found = await request.app[STORE].read(_OF_CAMPAIGN, (number, after, limit))
    batches = [dict(zip(_BATCH_NAMES, row, strict=True)) for row in found]
    following = batches[-1]["seq"] if len(batches) == limit else None
    document = {"v": 1, "store": request.app[STORE].uuid, "batches": batches, "next": following}
    return web.json_response(document)


def _number(name: str, text: str, most: int) -> int:
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= most:
        raise BadRequest(f"{name} must be a whole number from 1 to {most}, not {text[:40]!r}")
    return int(text)
