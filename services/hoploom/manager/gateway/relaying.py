"""The gateway's HTTP side: who asks, whether it may, and the answer as it comes.

The worker's credential goes on with the request, and whoever answers verifies it again: this manager is believed by
nobody, and says of nobody who he is. It holds no state beside counters, so a worker may ask any manager.
"""

import asyncio
from functools import partial

from aiohttp import web

from hoploom import kit
from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import BadRequest, NotFound, TooLarge, Unavailable
from hoploom.kit.logs import request_id
from hoploom.manager import access
from hoploom.manager.asking_address import asker
from hoploom.manager.gateway import passing, rules
from hoploom.manager.gateway.rules import Rule
from hoploom.manager.gateway.shares import Shares
from hoploom.trust.attaching import GUARD

SHARES = web.AppKey("gateway_shares", Shares)
_NOT_MODIFIED = 304
_RELAYED = metrics.counter(
    "hoploom_gateway_requests_total", "Requests of workers that were relayed or refused.", ("kind", "status")
)
_BYTES = metrics.counter("hoploom_gateway_bytes_total", "Bytes of bodies that were relayed.", ("direction",))
_UP, _DOWN = _BYTES.labels("to the mesh"), _BYTES.labels("to workers")


def attach(app: web.Application, rate_per_s: float) -> None:
    """Let workers that reach this manager only ask and submit by it.

    Args:
        app: The manager, with a guard.
        rate_per_s: Requests a second that one worker may send; 0 for any number.
    """
    app[SHARES] = Shares(rate_per_s)
    access.add(app, [web.route("*", rules.PREFIX + "{path:/.*}", relay)], None)

    async def close(app: web.Application) -> None:
        app[SHARES].close()

    # Each would hold up the drain for as long as it may wait.
    kit.on_drain(app, close)


async def relay(request: web.Request) -> web.StreamResponse:
    """Relay one request of an enrolled worker.

    Raises:
        NotFound: Nothing like it is relayed.
        Unauthorized: It shows no credential, or none that is good.
        Forbidden: The worker is revoked, or it is no worker.
        TooLarge: Its body is.
        Unavailable: The service does not answer in time.
        TooMany: The worker asks too often.
    """
    rule = rules.rule_for(request.method, request.match_info["path"])
    if rule is None:
        raise NotFound(f"nothing at {request.path[:80]} is relayed by {request.method[:10]}")
    status = "failed"
    try:
        response = await _admitted(request, rule)
        status = str(response.status)
        return response
    except (BadRequest, Unavailable) as error:
        status = str(error.status)
        raise
    finally:
        _RELAYED.labels(rule.kind, status).inc()


async def _admitted(request: web.Request, rule: Rule) -> web.StreamResponse:
    caller = await request.app[GUARD].caller(request)
    worker, shares, now_s = caller.must_be_enrolled().worker, request.app[SHARES], boottime_s()
    shares.spend(worker, now_s)
    if rule.holds and shares.is_closing:
        return web.Response(status=_NOT_MODIFIED)
    size_bytes = _size_bytes(request, rule)
    patience = asyncio.timeout(rule.timeout_s(size_bytes))
    end = partial(patience.reschedule, float("-inf"))
    with shares.poll(worker, now_s, end) if rule.holds else shares.place(worker, now_s):
        return await _in_time(request, rule, patience)


async def _in_time(request: web.Request, rule: Rule, patience: asyncio.Timeout) -> web.StreamResponse:
    response = web.StreamResponse()
    try:
        async with patience:
            await _relayed(request, rule, response)
    except TimeoutError as error:
        if not response.prepared:
            if rule.holds:
                # No news: its worker asks again, or has done so by another connection.
                return web.Response(status=_NOT_MODIFIED)
            raise Unavailable(f"the {rule.service} service does not answer in time") from error
        _break_off(request)
    except Unavailable:
        if not response.prepared:
            raise
        _break_off(request)
    return response


async def _relayed(request: web.Request, rule: Rule, response: web.StreamResponse) -> None:
    async with passing.answer(kit.mesh(request), _asked(request, rule)) as answer:
        response.set_status(answer.status)
        response.headers.update(rules.answered_headers(answer.headers))
        await response.prepare(request)
        async for piece in passing.Flow(answer.content, _DOWN.inc):
            await response.write(piece)
        await response.write_eof()


def _asked(request: web.Request, rule: Rule) -> passing.Asked:
    headers = rules.asked_headers(request.headers, asker(request))
    return passing.Asked(
        service=rule.service,
        method=rule.method,
        path=request.match_info["path"],
        query=rules.asked_query(rule, request.query),
        headers={**headers, "X-Request-Id": request_id.get()},
        body=passing.Flow(request.content, _UP.inc) if rule.body_bytes else None,
    )


def _size_bytes(request: web.Request, rule: Rule) -> int:
    size_bytes = request.content_length
    if size_bytes is None:
        if rule.body_bytes and request.body_exists:
            raise BadRequest("say how long the body is: send Content-Length")
        return 0
    if size_bytes > rule.body_bytes:
        raise TooLarge(f"the body is over {rule.body_bytes} bytes")
    return size_bytes


def _break_off(request: web.Request) -> None:
    """An answer that ends too early must not look like a whole one."""
    if request.transport is not None:
        request.transport.abort()
