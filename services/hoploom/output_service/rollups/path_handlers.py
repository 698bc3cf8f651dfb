"""What managers ask of links and hops: all of a campaign, or that nothing changed (304)."""

from __future__ import annotations

import re
from typing import Final

import apsw
from aiohttp import web

from hoploom.kit.errors import BadRequest
from hoploom.output_service.rollups import paths, sums
from hoploom.output_service.rollups.handlers import ROLLING
from hoploom.wire.paths import MEDIA_TYPE, ROUTE, pack

_CAMPAIGN: Final = re.compile("[0-9]{1,18}")


def routes() -> list[web.RouteDef]:
    """The route of links."""
    return [web.get(ROUTE, get_links)]


async def get_links(request: web.Request) -> web.Response:
    """Links and hops of the `campaign=` (its number), or of all, as `wire.paths` packs them."""
    text = request.query.get("campaign", "")
    if text and not _CAMPAIGN.fullmatch(text):
        raise BadRequest(f"campaign is the number of one, not {text[:40]!r}")
    campaign = int(text) if text else None
    known = {each.value for each in request.if_none_match or ()}

    def answer(connection: apsw.Connection) -> tuple[str, bytes | None]:
        tag = f"{sums.standing(connection).generation}-{paths.last_seq(connection, campaign)}"
        return tag, None if tag in known else pack(paths.read(connection, campaign))

    tag, body = await request.app[ROLLING].ask(answer)
    headers = {"ETag": f'"{tag}"'}
    if body is None:
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type=MEDIA_TYPE, headers=headers)
