"""Results of a measurement in the form of RIPE Atlas, for managers, which join those of all outputs."""

import asyncio
import json
import re
from typing import Final

from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.output_service import atlas_pages, cursors, paging
from hoploom.output_service.feed import READING
from hoploom.output_service.handlers import STORE
from hoploom.output_service.queries import Query
from hoploom.output_service.stored_batches import Wanted

ROUTE: Final = "/api/v1/output/atlas/{measurement}"
MAX_PROBES: Final = 1_000
_DIGITS: Final = re.compile("[0-9]{1,15}")
_US: Final = 1_000_000


def routes() -> list[web.RouteDef]:
    """What is answered here."""
    return [web.get(ROUTE, get_page, allow_head=False), web.get(f"{ROUTE}/latest", get_latest, allow_head=False)]


async def get_page(request: web.Request) -> web.Response:
    """Results from `cursor=` on; `start=`, `stop=` (seconds since 1970) and `probe_ids=` narrow them."""
    store, asked = request.app[STORE], _asked(request)
    place = await paging.begin(store, Query(cursor=request.query.get("cursor", "")))
    async with request.app[READING]:
        found = await atlas_pages.page(store, asked, place)
    results = [each.document for each in found.results]
    following = None if found.is_end else cursors.text(store.uuid, found.behind)
    document = {"v": 1, "store": store.uuid, "results": results, "next": following}
    return web.json_response(text=await asyncio.to_thread(json.dumps, document))


async def get_latest(request: web.Request) -> web.Response:
    """The newest result of each probe; `probe_ids=` narrows them."""
    async with request.app[READING]:
        found = await atlas_pages.latest(request.app[STORE], _asked(request))
    return web.json_response({"v": 1, "store": request.app[STORE].uuid, "results": found})


def _asked(request: web.Request) -> Wanted:
    query = request.query
    return Wanted(
        measurement=_whole("a measurement's number", request.match_info["measurement"]),
        start_us=_whole("start", query.get("start", "0")) * _US,
        stop_us=(_whole("stop", query["stop"]) + 1) * _US if "stop" in query else 2**62,
        probes=_probes(query.get("probe_ids", "")),
    )


def _probes(text: str) -> tuple[int, ...]:
    words = text.split(",") if text else []
    if len(words) > MAX_PROBES:
        raise BadRequest(f"probe_ids names {len(words)} probes, over the limit of {MAX_PROBES}")
    return tuple(_whole("a probe's id", each.strip()) for each in words)


def _whole(name: str, text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise BadRequest(f"{name} is a whole number, not {text[:40]!r}")
    return int(text)
