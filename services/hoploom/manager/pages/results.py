"""Results: what was stored, filtered, a page at a time over all outputs, and as a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from hoploom import kit
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.manager.measures import bookmarks, result_filters, stored
from hoploom.manager.measures.result_filters import Filters
from hoploom.manager.measures.stored import Outputs, Page
from hoploom.manager.pages import rendering
from hoploom.manager.sight import SIGHT
from hoploom.wire.probe import KINDS

HEADERS = web.AppKey("results_headers", Mapping[str, str])
FILES: Final[Mapping[str, tuple[str, str]]] = {
    "csv": ("text/csv", "results.csv"),
    "atlas": ("application/x-ndjson", "results.atlas.ndjson"),
}
"""Forms of files: media type, and name."""


def routes() -> list[web.RouteDef]:
    """The page, and the file; `/results` is what outputs are asked by."""
    return [web.get("/stored", results), web.get("/stored/file", file, allow_head=False)]


async def results(request: web.Request) -> web.Response:
    """A page of results; `from=` is where an earlier one ended."""
    filters, found, error = Filters(), Page(), ""
    try:
        filters = result_filters.typed(request.query, ("from",))
        wanted, places = result_filters.asked(filters), bookmarks.places(request.query.get("from", ""))
        found = await stored.page(await _outputs(request), wanted, places, filters.limit)
    except BadRequest as refused:
        error = str(refused)
    return rendering.render(
        request,
        "results.html.j2",
        status=BadRequest.status if error else 200,
        error=error,
        filters=filters,
        page=found,
        kinds=KINDS,
        outcomes=result_filters.OUTCOMES,
        sizes=result_filters.SIZES,
        campaigns=[each["campaign"] for each in request.app[SIGHT].now().campaigns.found],
        is_first="from" not in request.query,
        # A page that does not answer is asked for again from where it began.
        following=_address(filters, found.places),
        first=_address(filters, {}),
        files={form: f"stored/file?{urlencode({**filters.given, 'form': form})}" for form in FILES},
    )


def _address(filters: Filters, places: Mapping[str, str]) -> str:
    query = {**filters.given, **({"from": bookmarks.text(places)} if places else {})}
    return f"stored{f'?{urlencode(query)}' if query else ''}"


async def file(request: web.Request) -> web.StreamResponse:
    """All results that the filters choose, as a file: `form=csv`, or `atlas` for an object of RIPE Atlas a line.

    Raises:
        BadRequest: A filter, or the form, is none.
        Unavailable: An output is away: the file would not be whole.
    """
    filters = result_filters.typed(request.query, ("form",))
    form = request.query.get("form", "csv")
    if form not in FILES:
        raise BadRequest(f"form is {' or '.join(FILES)}, not {form[:40]!r}")
    lines = stored.lines(await _outputs(request), result_filters.asked(filters), form)
    # Read before the answer begins: what cannot be told is refused with a status.
    first = await anext(lines, "")
    media, name = FILES[form]
    response = web.StreamResponse(
        headers={"Content-Type": media, "Content-Disposition": f'attachment; filename="{name}"',
                 "Cache-Control": "no-store"}
    )  # fmt: skip
    await response.prepare(request)
    await response.write(first.encode())
    return await _sent(request, response, lines)


async def _sent(request: web.Request, response: web.StreamResponse, lines: Any) -> web.StreamResponse:
    try:
        async for text in lines:
            await response.write(text.encode())
    except (BadRequest, Unavailable):
        # Cut off, so that nobody takes a part for the whole.
        if request.transport:
            request.transport.abort()
    return response


async def _outputs(request: web.Request) -> Outputs:
    seen = request.app[SIGHT].now()
    dcs = {dc for each in seen.campaigns.found for dc in each.get("datacenters", ())}
    return await stored.outputs(kit.mesh(request), request.app[HEADERS], dcs)
