"""`/api/v2` of RIPE Atlas, read-only: measurements with their results, and probes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from hoploom import kit
from hoploom.kit import credentials
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.manager import access
from hoploom.manager.atlas import asking, documents, listing, streaming
from hoploom.manager.joining import script
from hoploom.manager.registry import REGISTRY
from hoploom.manager.settings import Settings
from hoploom.wire.api.atlas import MEASUREMENTS, PROBES
from hoploom.wire.people import Role

HEADERS = web.AppKey("atlas_headers", Mapping[str, str])
IS_PUBLIC = web.AppKey("atlas_is_public", bool)
STREAMS = web.AppKey("atlas_streams", asyncio.Semaphore)
MAX_STREAMS: Final = 8
"""Lists of results that are sent at a time; each asks an output for a page at a time."""

_RESULTS: Final = ("start", "stop", "probe_ids", "format")


def routes() -> list[web.RouteDef]:
    """All routes, each with and without the slash at its end: Atlas' clients ask for either."""
    found = {
        MEASUREMENTS: get_measurements,
        f"{MEASUREMENTS}/{{id}}": get_measurement,
        f"{MEASUREMENTS}/{{id}}/results": get_results,
        f"{MEASUREMENTS}/{{id}}/latest": get_latest,
        PROBES: get_probes,
        f"{PROBES}/{{id}}": get_probe,
    }
    return [
        web.get(f"{path}{slash}", handler, allow_head=False) for path, handler in found.items() for slash in ("", "/")
    ]


def attach(app: web.Application, settings: Settings, token: str) -> None:
    """Answer Atlas' clients.

    Args:
        app: The manager, after `access.attach`.
        settings: Say whether anybody may read.
        token: The mesh's, with which input and outputs are asked.
    """
    app[HEADERS], app[IS_PUBLIC] = credentials.header(token), settings.open_reading
    app[STREAMS] = asyncio.Semaphore(MAX_STREAMS)
    access.add(app, routes(), None if settings.open_reading else Role.VIEWER)


async def get_measurements(request: web.Request) -> web.Response:
    """A page of all measurements."""
    wanted = listing.wish(request.query)
    found = [_measurement(request, each) for each in await asking.campaigns(kit.mesh(request), request.app[HEADERS])]
    return web.json_response(listing.listed(found, wanted, f"{_url(request)}{MEASUREMENTS}/"))


async def get_measurement(request: web.Request) -> web.Response:
    """One measurement."""
    found = await _campaign(request)
    return web.json_response(_measurement(request, found))


async def get_probes(request: web.Request) -> web.Response:
    """A page of all probes."""
    wanted = listing.wish(request.query)
    return web.json_response(listing.listed(await _probes(request), wanted, f"{_url(request)}{PROBES}/"))


async def get_probe(request: web.Request) -> web.Response:
    """One probe."""
    return web.json_response(listing.one(await _probes(request), request.match_info["id"], "probe"))


async def get_results(request: web.Request) -> web.StreamResponse:
    """The results of a measurement, as they come from the outputs."""
    form = _form(request, _RESULTS)
    slots = request.app[STREAMS]
    if slots.locked():
        raise Unavailable(f"{MAX_STREAMS} readers are sent results already", retry_after_s=10.0)
    async with slots:
        instances, headers = await _asked(request)
        pages = asking.results(kit.mesh(request), request.app[HEADERS], instances, _path(request, ""))
        return await streaming.send(request, pages, form, headers)


async def get_latest(request: web.Request) -> web.StreamResponse:
    """The newest result of each probe."""
    form = _form(request, ("probe_ids", "format"))
    instances, headers = await _asked(request)
    found = await asking.latest(kit.mesh(request), request.app[HEADERS], instances, _path(request, "/latest"))

    async def pages() -> Any:
        yield found

    return await streaming.send(request, pages(), form, headers)


async def _campaign(request: web.Request) -> Mapping[str, Any]:
    return await asking.campaign_of(kit.mesh(request), request.app[HEADERS], request.match_info["id"])


async def _asked(request: web.Request) -> tuple[Any, dict[str, str]]:
    """The outputs to ask, and a header that names those that cannot be."""
    instances, ill = await asking.outputs(kit.mesh(request), await _campaign(request))
    return instances, {"X-Hoploom-Away": ", ".join(ill)} if ill else {}


async def _probes(request: web.Request) -> list[dict[str, Any]]:
    found = await asking.workers(kit.mesh(request), request.app[REGISTRY].workers())
    return [documents.probe(each, is_public=request.app[IS_PUBLIC]) for each in found]


def _measurement(request: web.Request, found: Mapping[str, Any]) -> dict[str, Any]:
    results = f"{_url(request)}{MEASUREMENTS}/{found['campaign']['measurement']}/results/"
    return documents.measurement(found, results, is_public=request.app[IS_PUBLIC])


def _path(request: web.Request, of: str) -> str:
    """Where an output is asked; what is in the query it judges itself."""
    query = {name: request.query[name] for name in ("start", "stop", "probe_ids") if request.query.get(name)}
    return f"/api/v1/output/atlas/{request.match_info['id']}{of}?{urlencode(query)}"


def _form(request: web.Request, known: tuple[str, ...]) -> str:
    unknown = [name for name in request.query if name not in known]
    if unknown:
        raise BadRequest(f"there is no parameter {unknown[0][:40]!r} here; there are {', '.join(known)}")
    form = request.query.get("format", streaming.JSON)
    if form not in streaming.FORMATS:
        raise BadRequest(f"format is json or txt, not {form[:40]!r}")
    return form


def _url(request: web.Request) -> str:
    """By which address this was asked for; Atlas' clients put the path before it themselves."""
    return script.address(request.headers.get("X-Forwarded-Proto", request.scheme), request.host, "")
