"""Results as they come: a page at a time, as an answer that waits for them, or as a stream of events.

`GET /results` pages through what is stored; `GET /results/feed` waits where it has come to the end. A reader that goes
on from the last cursor it got has everything once. What is sent was read before: no transaction and no lease of a file
waits for a slow reader.

Source: WHATWG HTML, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from aiohttp import web

from hoploom.kit import metrics
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.output_service import cursors, forms, paging, queries
from hoploom.output_service.cursors import Place
from hoploom.output_service.handlers import NEWS, STORE
from hoploom.output_service.paging import Page
from hoploom.output_service.queries import Query, Refused
from hoploom.output_service.store import Store

log = logging.getLogger(__name__)
FEEDS = web.AppKey("output_feeds", asyncio.Semaphore)
READING = web.AppKey("output_reading", asyncio.Semaphore)
MAX_FEEDS: Final = 128
"""Readers that wait or are sent to; each may hold a page, some 1 MB where it is slow."""
MAX_READING: Final = 2
"""Pages that are read at a time, so that threads are left for batches that come in."""
SETTLE_S: Final = 0.2
"""Batches that come at one time wake a reader once."""
HEARTBEAT_S: Final = 15.0
"""Proxies and networks take a silent connection for a dead one after a minute at the least."""
STALL_S: Final = 60.0
"""A reader that takes nothing for so long is gone."""
_RETRY: Final = b"retry: 2000\n\n"
"""After so many milliseconds a reader whose connection ended comes back."""
EVENT_STREAM: Final = "text/event-stream"
_REFUSED = metrics.counter(
    "hoploom_output_queries_refused_total", "Questions for results with a parameter that is not taken.", ("parameter",)
)
_OPEN = metrics.gauge("hoploom_output_feeds", "Readers that wait for results.")
_SENT = metrics.counter("hoploom_output_results_sent_total", "Results that were sent to readers.", ("by",))


def routes() -> list[web.RouteDef]:
    """What is answered here."""
    # No HEAD: its answer would cost a whole page, or a wait.
    return [
        web.get("/results", get_page, allow_head=False),
        web.get("/results/feed", get_feed, allow_head=False),
    ]


async def end(app: web.Application) -> None:
    """Let go of all readers that wait, so that they come back to another instance."""
    app[NEWS].end()


async def get_page(request: web.Request) -> web.Response:
    """Stored results in the order of `seq`; `next` is the cursor of the next page, null where there is none yet.

    With `form=` it has `text` in place of results, and `heading`, with which a file of such texts begins.
    """
    query = _query(request, queries.PAGE_PARAMETERS)
    found = await _page(request.app, query, await _begin(request.app, query))
    return await (_text(request.app[STORE], found, query) if query.form else _answer(request.app[STORE], found, "page"))


async def get_feed(request: web.Request) -> web.StreamResponse:
    """Results from a cursor on, waiting where there are none: JSON after `wait=` seconds at most, or a stream."""
    query = _query(request, queries.FEED_PARAMETERS)
    is_stream = EVENT_STREAM in request.headers.get("Accept", "")
    if is_stream and "Last-Event-ID" in request.headers:
        query = replace(query, cursor=request.headers["Last-Event-ID"])
    slots = request.app[FEEDS]
    if slots.locked():
        raise Unavailable(f"{MAX_FEEDS} readers wait for results already", retry_after_s=10.0)
    async with slots:
        with _OPEN.track_inprogress():
            place = await _begin(request.app, query)
            return await (_stream(request, query, place) if is_stream else _polled(request, query, place))


def _query(request: web.Request, known: tuple[str, ...]) -> Query:
    try:
        return queries.parsed({name: request.query.getall(name) for name in request.query}, known)
    except Refused as error:
        _REFUSED.labels(error.parameter).inc()
        raise


async def _begin(app: web.Application, query: Query) -> Place:
    with _counted():
        return await paging.begin(app[STORE], query)


async def _page(app: web.Application, query: Query, place: Place) -> Page:
    async with app[READING]:
        with _counted():
            return await (forms.page if query.form else paging.page)(app[STORE], query, place)


@contextmanager
def _counted() -> Iterator[None]:
    """Counts cursors that are not taken."""
    try:
        yield
    except BadRequest:
        _REFUSED.labels("cursor").inc()
        raise


async def _answer(store: Store, page: Page, by: str) -> web.Response:
    cursor = cursors.text(store.uuid, page.behind)
    document = {"v": 1, "store": store.uuid, "results": [each.document for each in page.results], "cursor": cursor}
    if by == "page":
        document["next"] = None if page.is_end else cursor
    _SENT.labels(by).inc(len(page.results))
    return web.json_response(text=await asyncio.to_thread(json.dumps, document))


async def _text(store: Store, page: Page, query: Query) -> web.Response:
    """Lines to be downloaded, and what a file of them begins with."""
    cursor = cursors.text(store.uuid, page.behind)
    lines = "".join(each.document[forms.TEXT] for each in page.results)
    document = {"v": 1, "store": store.uuid, "heading": forms.HEADINGS[query.form], "text": lines,
                "next": None if page.is_end else cursor}  # fmt: skip
    _SENT.labels("page").inc(len(page.results))
    return web.json_response(text=await asyncio.to_thread(json.dumps, document))


async def _polled(request: web.Request, query: Query, place: Place) -> web.Response:
    news, clock = request.app[NEWS], asyncio.get_running_loop().time
    until = clock() + query.wait_s
    while True:
        count = news.count
        found = await _page(request.app, query, place)
        left_s = until - clock()
        if found.results or not found.is_end or left_s <= 0 or news.is_over:
            return await _answer(request.app[STORE], found, "poll")
        place = found.behind
        await news.after(count, left_s)
        await asyncio.sleep(SETTLE_S)


async def _stream(request: web.Request, query: Query, place: Place) -> web.StreamResponse:
    # Read before the answer begins: a cursor that is no good is refused with a status.
    found = await _page(request.app, query, place)
    headers = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-store", "X-Store": request.app[STORE].uuid}
    response = web.StreamResponse(headers=headers)
    try:
        await response.prepare(request)
        await _follow(request, response, query, found)
        await _send(response, _RETRY)
    except (BadRequest, Unavailable) as error:
        # When it comes back it is told why, with a status.
        log.info("a stream of results ends: %s", error)
    except (ConnectionError, TimeoutError):
        # What it did not get it asks for again, by the last cursor that it has.
        if request.transport:
            request.transport.abort()
    return response


async def _follow(request: web.Request, response: web.StreamResponse, query: Query, found: Page) -> None:
    """Send a page and all that come after it, until this instance stops."""
    store = request.app[STORE]
    following: Page | None = found
    await _send(response, _RETRY)
    while following:
        await _send(response, await asyncio.to_thread(events, store.uuid, following))
        _SENT.labels("stream").inc(len(following.results))
        following = await _following(request, response, query, following.behind)


async def _following(request: web.Request, response: web.StreamResponse, query: Query, place: Place) -> Page | None:
    """The next page that says more than the place; None when this instance stops."""
    news = request.app[NEWS]
    while not news.is_over:
        count = news.count
        found = await _page(request.app, query, place)
        if found.behind != place:
            return found
        await news.after(count, HEARTBEAT_S)
        if news.count != count:
            await asyncio.sleep(SETTLE_S)
        elif not news.is_over:
            await _send(response, b": nothing new\n\n")
    return None


def events(store: str, page: Page) -> bytes:
    """A page as events; one without data where nothing was wanted, which moves the reader's cursor alone."""
    lines = [f"id: {cursors.text(store, place)}\ndata: {json.dumps(found)}\n\n" for place, found in page.results]
    return "".join(lines or [f"id: {cursors.text(store, page.behind)}\n\n"]).encode()


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(STALL_S):
        await response.write(data)
