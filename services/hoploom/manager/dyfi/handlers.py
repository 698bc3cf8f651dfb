"""What is known about the names, for anybody, and the operator's word that the reason to stop is gone."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from hoploom import kit
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Conflict, NotFound, Unavailable
from hoploom.manager.access import person
from hoploom.manager.audit import audit
from hoploom.manager.dyfi import telling
from hoploom.manager.dyfi.record import KEY, Record, decoded, encoded, resumed, to_json

ROUTE = "/api/v1/dyfi"
NAMES = web.AppKey("manager_dyfi_names", Sequence[str])


async def show(request: web.Request) -> web.Response:
    """The names and the record of their updates."""
    return web.json_response(await seen(kit.mesh(request), request.app[NAMES]))


async def seen(mesh: kit.Mesh, names: Sequence[str]) -> dict[str, Any]:
    """As `show` shows it; raises Unavailable where Consul is away, or holds no record of ours."""
    entry = await mesh.consul.kv_get(KEY)
    record = decoded(entry.value) if entry else Record()
    told = telling.line(record, names, wall_us())
    return {**to_json(record), "names": list(names), "home_dc": mesh.home_dc, "line": told}


async def on_page(mesh: kit.Mesh, names: Sequence[str]) -> tuple[dict[str, Any] | None, list[str]]:
    """What the manager's page shows, None where no names are kept; and the problems among it."""
    if not names:
        return None, []
    try:
        found = await seen(mesh, names)
    except Unavailable as error:
        return None, [f"how the names stand is not known: {error}"]
    return found, [found["line"]] if found["stopped"] else []


async def resume(request: web.Request) -> web.Response:
    """Call again: a person has done something about what the provider said.

    Raises:
        NotFound: No name was ever told.
        Conflict: The record has changed in this very moment.
    """
    consul = kit.mesh(request).consul
    entry = await consul.kv_get(KEY, consistent=True)
    if entry is None:
        raise NotFound("no name was told to a provider yet: there is nothing to resume")
    record = decoded(entry.value)
    if record.stopped:
        if not await consul.kv_put(KEY, encoded(resumed(record)), cas=entry.modify_index):
            raise Conflict("the record has changed just now: ask again")
        audit(request, person(request), "resume", "dyfi goes on")
    answer = await seen(kit.mesh(request), request.app[NAMES])
    return web.json_response({**answer, "changed": bool(record.stopped)})
