"""Which positions of a group's round have a result here: what the input service's audit compares its leases with."""

import asyncio
import re

from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.output_service.handlers import STORE
from hoploom.output_service.schema import EVERY_BATCH
from hoploom.targets.ranges import merge
from hoploom.wire.batch import TEXT_PATTERNS

ROUTE = "/api/v1/output/campaigns/{number}/coverage"
SQL = f"""
SELECT start, stop FROM {EVERY_BATCH}
WHERE campaign_number = ? AND revision = ? AND round = ? AND worker_group = ? AND family = ? AND suspect = 0
"""
_DIGITS = re.compile("[0-9]{1,18}")


async def get_coverage(request: web.Request) -> web.Response:
    """Ranges of positions, first and last inclusive, of `revision=`, `round=`, `group=` and `family=` of a campaign."""
    wanted = (
        _whole("number", request.match_info["number"]),
        _text(request, "revision"),
        _whole("round", request.query.get("round", "")),
        _text(request, "group"),
        _whole("family", request.query.get("family", "")),
    )
    found = await request.app[STORE].read(SQL, wanted)
    # In a thread: a pass over the address space of the clouds has a quarter of a million batches.
    ranges = await asyncio.to_thread(merge, [(int(start), int(stop) - 1) for start, stop in found])
    return web.json_response({"v": 1, "store": request.app[STORE].uuid, "ranges": ranges})


def _whole(name: str, text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise BadRequest(f"{name} is a whole number, not {text[:40]!r}")
    return int(text)


def _text(request: web.Request, name: str) -> str:
    text = request.query.get(name, "")
    if not TEXT_PATTERNS[name].fullmatch(text):
        raise BadRequest(f"{name} does not match {TEXT_PATTERNS[name].pattern}")
    return text
