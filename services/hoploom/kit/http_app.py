"""Puts an aiohttp application on the mesh: health, readiness, metrics, problems, request ids and draining.

`setup` works on anybody's `aiohttp.web.Application`: it adds five endpoints and one middleware, no more.

* `/health`: the process is alive (the event loop answered). Consul's `alive` check; no dependency is looked at.
* `/ready`: this instance may be routed to: its own probes, and not draining. Never looks at Consul or at peers.
* `/routed`: every passing Fabio lists this instance. Gates Nomad's deployments.
* `/load`: how busy this instance is, for whoever chooses one of several (the manager's `/broker`).
* `/metrics`: Prometheus.
"""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from aiohttp import web

from hoploom.kit import logs, metrics, routed, tags
from hoploom.kit.errors import BadRequest, ConfigError, Encoded, NotReady, TooLarge, TooMany, Unavailable
from hoploom.kit.membership import MESH, Mesh, Probe, State
from hoploom.kit.ports import Port
from hoploom.kit.ports import read as read_ports
from hoploom.kit.term import Term, TermEnded

log = logging.getLogger(__name__)
PROBE_TIMEOUT_S = 4.0
"""Below what a check waits (`registration.READY_TIMEOUT`), so that it hears which probe hangs; a second is nothing on a
machine that is busy, and every instance would be unready at once."""

_REQUESTS = metrics.counter("hoploom_http_requests_total", "Requests answered.", ("route", "method", "status"))
_DURATION = metrics.histogram("hoploom_http_request_duration_seconds", "Time to answer a request.", ("route",))
# What a deploy compares: without routes, so that so many bounds cost little.
_ANSWER = metrics.histogram(
    "hoploom_http_answer_seconds", "Time to answer a request, own endpoints left out.", buckets=metrics.FINE_SECONDS
)
_ROUTED = metrics.counter("hoploom_http_routed_requests_total", "Requests that a router passed on, when answered.")
_IN_FLIGHT = metrics.gauge("hoploom_http_requests_in_flight", "Requests being answered now.")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_READY = metrics.gauge("hoploom_ready", "1 while this instance is ready, else 0.")
OWN_ENDPOINTS = frozenset({"/health", "/ready", "/routed", "/load", "/metrics"})
"""Paths that every service has, which tell of it and of nothing that it keeps."""

_ID = web.RequestKey("request_id", str)
Lead = Callable[[web.Application, Term], Awaitable[None]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def setup(  # noqa: PLR0913 - the one entrance, all by name
    app: web.Application,
    *,
    name: str,
    routes: Sequence[str] = (),
    ready: Iterable[Probe] = (),
    inbound: bool = True,
    agent: bool = True,
    leader: Mapping[str, Lead] | None = None,
    ports: Iterable[Port] = (),
) -> None:
    """Make an application a member of the mesh.

    Args:
        app: The application; its own routes and middlewares stay as they are.
        name: Service name in Consul: lower-case letters, digits and dashes.
        routes: What Fabio routes here, without the `urlprefix-`: "/orders", "shop.example.org/ strip=/shop", ...
        ready: Probes of local state; each raises `NotReady` with the reason, which the Consul UI then shows.
        inbound: False for an instance that nobody can reach (a worker behind NAT): its checks are heartbeats.
        agent: False for one that has no Consul agent either: it is registered nowhere, and listens nowhere.
        leader: What this instance does while it leads a role, by role: `async def work(app, term)`. It is cancelled
            when the term ends, and called again in the next one.
        ports: Further ports of an instance with `inbound`, each a service of its own, such as gRPC beside HTTP.

    Raises:
        ConfigError: A route is malformed, the name is not a service name, or that of a port is taken.
    """
    tags.check_service_name(name)
    found = tuple(tags.parse(f"{tags.PREFIX}{each}") for each in routes)
    further = read_ports(name, ports)
    if further and not (inbound and agent):
        raise ConfigError(f"{name}: whom nobody can reach has no further ports")
    mesh = Mesh(name, found, tuple(ready), inbound and agent, agent, further)
    app[MESH] = mesh
    app.middlewares.insert(0, _serve)
    app.on_response_prepare.append(_finish_headers)
    app.cleanup_ctx.insert(0, _clients)
    app.add_routes(_endpoints())
    for role, work in (leader or {}).items():
        mesh.loops.append(partial(_lead, role, work))


async def _lead(role: str, work: Lead, app: web.Application) -> None:
    """One term after another."""
    while True:
        with suppress(TermEnded):
            async with app[MESH].leading(role) as term:
                await work(app, term)
                # Done early: it stays the leader, so that no other instance begins the same work again.
                await term.ended()
                await asyncio.sleep(0)


def health_app(app: web.Application) -> web.Application:
    """The small application behind `--health-port`: the five endpoints, and what the service added."""
    small = web.Application(middlewares=[_serve])
    # What handlers find in their application they find here too.
    for key, value in app.items():
        small[key] = value
    small.on_response_prepare.append(_finish_headers)
    small.add_routes([*_endpoints(), *app[MESH].health_routes])
    return small


async def readiness(mesh: Mesh) -> tuple[bool, str]:
    """Whether this instance may be routed to, and why, in words for the Consul UI."""
    if mesh.state is State.DRAINING:
        _READY.set(0)
        return False, "draining: no new requests, please"
    standing_by = mesh.standing_by()
    if standing_by:
        _READY.set(0)
        return False, f"standing by: {standing_by}"
    problems = [reason for reason in await asyncio.gather(*map(_probe, mesh.ready)) if reason]
    _READY.set(not problems)
    said = [*(f"not ready: {reason}" for reason in problems), *(report() for report in mesh.reports)]
    words = [each for each in said if each] or ["ready"]
    return not problems, "; ".join(filter(None, [*words, mesh.consul_note()]))


async def read_json(request: web.Request) -> object:
    """The request's body as JSON.

    Raises:
        TooLarge: It is longer than the application's `client_max_size`.
        BadRequest: It is no JSON, or nested too deeply.
    """
    body = await read_body(request)
    try:
        return json.loads(body)
    except RecursionError as error:
        raise BadRequest("the body is nested too deeply") from error
    except ValueError as error:
        raise BadRequest(f"the body is no JSON: {error}") from error


async def read_body(request: web.Request) -> bytes:
    """The request's body; raises TooLarge where it is longer than the application's `client_max_size`."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge(f"the body is over the limit of {request.client_max_size} bytes") from error


def problem(status: int, title: str, detail: str) -> web.Response:
    """An RFC 9457 problem document."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return web.Response(status=status, text=json.dumps(document) + "\n", content_type="application/problem+json")


async def _clients(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[MESH].close()


async def _probe(probe: Probe) -> str:
    try:
        await asyncio.wait_for(probe(), PROBE_TIMEOUT_S)
    except (NotReady, Unavailable) as error:
        return str(error)
    except TimeoutError:
        return f"{getattr(probe, '__name__', 'a probe')} took longer than {PROBE_TIMEOUT_S} s"
    return ""


def _endpoints() -> list[web.RouteDef]:
    return [
        web.get("/health", _health),
        web.get("/ready", _ready),
        web.get("/routed", _routed),
        web.get("/load", _load),
        web.get("/metrics", _metrics),
    ]


def _refuse_stranger(request: web.Request) -> None:
    """A check of a registration that is not ours: a predecessor at this port died, and must not pass by our answer."""
    asked = request.query.get("instance", "")
    if asked not in ("", request.app[MESH].id):
        raise web.HTTPGone(text=f"{asked} is gone; {request.app[MESH].id} answers here now\n")


async def _health(request: web.Request) -> web.Response:
    _refuse_stranger(request)
    mesh = request.app[MESH]
    return web.Response(text=f"{mesh.id} is alive, {mesh.in_flight}\n")


async def _ready(request: web.Request) -> web.Response:
    _refuse_stranger(request)
    mesh = request.app[MESH]
    good, words = await readiness(mesh)
    return web.Response(status=200 if good else _not_ready(mesh), text=words + "\n")


def _not_ready(mesh: Mesh) -> int:
    """What Consul takes for critical, and for an instance that stands by, where nothing is wrong, for a warning.

    A check that is critical for long takes an instance out of the catalogue; one that warns does not. No router sends
    requests to either.
    """
    waits = mesh.state is not State.DRAINING and mesh.standing_by()
    return TooMany.status if waits else Unavailable.status


async def _routed(request: web.Request) -> web.Response:
    mesh = request.app[MESH]
    if mesh.state is State.DRAINING:
        return web.Response(status=503, text="draining\n")
    if mesh.standing_by():
        # It is as it should be: who deploys need not wait for what does not come.
        return web.Response(text=f"standing by: {mesh.standing_by()}\n")
    missing = await routed.missing_from(mesh)
    if missing:
        return web.Response(status=503, text=f"not listed by {', '.join(missing)}\n")
    return web.Response(text="listed by every passing Fabio\n")


async def _load(request: web.Request) -> web.Response:
    mesh = request.app[MESH]
    # This request is one of those in flight.
    told = {"v": 1, "instance": mesh.id, "in_flight": mesh.in_flight.count - 1, "lag_s": round(mesh.lag_s, 6)}
    return web.json_response({**told, "draining": mesh.state is State.DRAINING})


async def _metrics(request: web.Request) -> web.Response:
    mesh = request.app[MESH]
    body = metrics.page(mesh.id, mesh.name, mesh.dc)
    return web.Response(body=body, headers={"Content-Type": metrics.CONTENT_TYPE})


async def _finish_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)
    response.headers.setdefault("X-Request-Id", request.get(_ID, ""))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    # Not `request.app`: that is the sub-application where the handler is one's.
    if request.config_dict[MESH].state is State.DRAINING:
        # Empties the router's pool of kept connections before the listener closes.
        response.headers["Connection"] = "close"
        response.force_close()


@web.middleware
async def _serve(request: web.Request, handler: Handler) -> web.StreamResponse:
    mesh, began = request.app[MESH], time.perf_counter()
    request[_ID] = request.headers.get("X-Request-Id", "")[:64] or uuid.uuid4().hex
    token = logs.request_id.set(request[_ID])
    status = 500
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "unmatched"
    # A method may be any word that a client likes; a label may not.
    method = request.method if request.method in _METHODS else "other"
    try:
        with mesh.in_flight.one(f"{method} {route}"):
            _IN_FLIGHT.set(mesh.in_flight.count)
            response = await _answer(request, handler)
            status = response.status
            return response
    except web.HTTPException as answer:
        # One that is raised, such as a redirect, is an answer all the same.
        status = answer.status
        raise
    finally:
        logs.request_id.reset(token)
        _IN_FLIGHT.set(mesh.in_flight.count)
        _count(request, (route, method, str(status)), time.perf_counter() - began)


def _count(request: web.Request, which: tuple[str, str, str], took_s: float) -> None:
    _REQUESTS.labels(*which).inc()
    _DURATION.labels(which[0]).observe(took_s)
    if which[0] not in OWN_ENDPOINTS:
        _ANSWER.observe(took_s)
    if "X-Forwarded-For" in request.headers:
        # Beside what the routers have sent here it says what never came.
        _ROUTED.inc()


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        _refuse_encoded(request)
        return await handler(request)
    except BadRequest as error:
        return problem(error.status, error.title, str(error))
    except Unavailable as error:
        response = problem(error.status, error.title, str(error))
        response.headers["Retry-After"] = f"{max(1, round(error.retry_after_s))}"
        return response
    except ConnectionError:
        if request.transport is not None:
            raise
        # Lines break in the middle of what a worker sends: nobody hears the answer, and it is no fault of ours.
        return problem(BadRequest.status, BadRequest.title, "the caller has gone")
    except web.HTTPException as error:
        if error.status == TooLarge.status:
            return problem(error.status, TooLarge.title, error.text or error.reason)
        if error.status < BadRequest.status or error.text != f"{error.status}: {error.reason}":
            raise
        return _as_problem(request, error)


def _refuse_encoded(request: web.Request) -> None:
    """Half a megabyte of gzip is 512 MB of memory and seconds of the loop, before anybody asks who sends it.

    The server undoes no encoding (`lifecycle`), and a handler would take what is compressed for what it wants.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise Encoded(f"the body has Content-Encoding {encoding[:40]!r}: send it without one")


def _as_problem(request: web.Request, error: web.HTTPException) -> web.Response:
    answer = problem(error.status, error.reason, f"{request.method} {request.path}: {error.reason}")
    for name, value in error.headers.items():
        if name not in ("Content-Type", "Content-Length"):
            answer.headers.add(name, value)
    return answer
