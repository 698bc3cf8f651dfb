"""What `setup` adds to an application, and what it leaves alone."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.deploying.gate import pages
from hoploom.kit import errors, metrics
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_app import health_app
from hoploom.kit.membership import MESH, State
from hoploom.kit.tags import TagError
from waiting import eventually

OnMesh = Callable[[web.Application], web.Application]
Client = TestClient[web.Request, web.Application]
RAISED: dict[str, Exception] = {
    "bad": errors.BadRequest("why"),
    "unauthorized": errors.Unauthorized("why"),
    "forbidden": errors.Forbidden("why"),
    "missing": errors.NotFound("why"),
    "conflict": errors.Conflict("why"),
    "large": errors.TooLarge("why"),
    "unprocessable": errors.Unprocessable("why"),
    "away": errors.Unavailable("why", retry_after_s=2.6),
    "full": errors.OutOfSpace("why"),
    "hasty": errors.TooMany("why", 7),
}


async def _raise(request: web.Request) -> web.Response:
    raise RAISED[request.match_info["error"]]


async def _orders(request: web.Request) -> web.Response:
    return web.json_response({"body": await kit.read_json(request)})


async def _foreign_read(request: web.Request) -> web.Response:
    return web.json_response(await request.json())


async def _found(_: web.Request) -> web.Response:
    raise web.HTTPFound("/elsewhere")


async def _teapot(_: web.Request) -> web.Response:
    raise web.HTTPBadRequest(text="my own words", headers={"X-Mine": "1"})


async def _gone(_: web.Request) -> web.Response:
    raise web.HTTPGone(headers={"X-Mine": "1"})


@web.middleware
async def _stamp(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
    response = await handler(request)  # type: ignore[misc]
    assert isinstance(response, web.StreamResponse)
    response.headers["X-Stamp"] = "foreign"
    return response


@pytest.fixture
def app() -> web.Application:
    app = web.Application(middlewares=[_stamp], client_max_size=4096)
    app.add_routes([web.post("/orders", _orders), web.post("/foreign", _foreign_read)])
    app.add_routes([web.get("/raise/{error}", _raise), web.get("/found", _found)])
    app.add_routes([web.get("/teapot", _teapot), web.get("/gone", _gone)])
    kit.setup(app, name="orders", routes=["/orders"])
    return app


@pytest.fixture
async def client(app: web.Application, on_mesh: OnMesh) -> AsyncIterator[Client]:
    async with TestClient(TestServer(on_mesh(app))) as made:
        yield made


STATUSES = [
    ("bad", 400),
    ("unauthorized", 401),
    ("forbidden", 403),
    ("missing", 404),
    ("conflict", 409),
    ("large", 413),
    ("unprocessable", 422),
    ("away", 503),
    ("full", 507),
    ("hasty", 429),
]


@pytest.mark.parametrize(("error", "status"), STATUSES)
async def test_each_error_becomes_a_problem_document(client: Client, error: str, status: int) -> None:
    answer = await client.get(f"/raise/{error}")
    document = await answer.json(content_type="application/problem+json")
    assert answer.status == document["status"] == status
    assert document["detail"] == "why"
    assert document["type"] == "about:blank"
    assert document["title"]


async def test_who_is_away_says_when_to_come_again(client: Client) -> None:
    assert (await client.get("/raise/away")).headers["Retry-After"] == "3"


async def test_no_route_is_a_problem_document(client: Client) -> None:
    answer = await client.get("/nowhere")
    document = await answer.json(content_type="application/problem+json")
    assert (answer.status, document["detail"]) == (404, "GET /nowhere: Not Found")


async def test_a_wrong_method_is_a_problem_that_names_the_right_ones(client: Client) -> None:
    answer = await client.get("/orders")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("path", ["/orders", "/foreign"], ids=["read by the kit", "read by aiohttp"])
async def test_a_body_over_the_limit_is_413(client: Client, path: str) -> None:
    answer = await client.post(path, data=b"[" + b"1," * 5000 + b"1]")
    document = await answer.json(content_type="application/problem+json")
    assert answer.status == 413
    assert "4096" in document["detail"]


BODIES = [
    ("no JSON", b"{", "no JSON"),
    ("nothing", b"", "no JSON"),
    ("bytes that are no text", b"\xff\xfe\xfa", "no JSON"),
    ("nested too deeply", b"[" * 4000, "nested too deeply"),
]


@pytest.mark.parametrize(("what", "body", "reason"), BODIES, ids=[each[0] for each in BODIES])
async def test_a_malformed_body_is_400_with_a_reason(client: Client, what: str, body: bytes, reason: str) -> None:
    answer = await client.post("/orders", data=body)
    assert answer.status == 400, what
    assert reason in (await answer.json(content_type="application/problem+json"))["detail"]


async def test_a_good_body_is_read(client: Client) -> None:
    assert await (await client.post("/orders", data=b'{"n": 1}')).json() == {"body": {"n": 1}}


@pytest.mark.parametrize("encoding, status", [("gzip", 415), ("deflate", 415), ("identity", 200)])
async def test_a_body_that_is_encoded_is_refused(client: Client, encoding: str, status: int) -> None:
    answer = await client.post("/orders", data=b'{"n": 1}', headers={"Content-Encoding": encoding})
    assert answer.status == status


async def test_the_request_id_is_kept_or_made(client: Client) -> None:
    assert (await client.get("/health", headers={"X-Request-Id": "r-1"})).headers["X-Request-Id"] == "r-1"
    made = {(await client.get("/health")).headers["X-Request-Id"] for _ in range(2)}
    assert len(made) == 2
    long = await client.get("/nowhere", headers={"X-Request-Id": "x" * 500})
    assert long.headers["X-Request-Id"] == "x" * 64


async def test_the_foreign_application_is_as_it_was(client: Client) -> None:
    assert (await client.get("/health")).headers["X-Stamp"] == "foreign", "its middleware runs"
    found = await client.get("/found", allow_redirects=False)
    assert (found.status, found.headers["Location"]) == (302, "/elsewhere")
    assert found.content_type != "application/problem+json"
    teapot = await client.get("/teapot")
    assert (teapot.status, await teapot.text()) == (400, "my own words")
    gone = await client.get("/gone")
    assert (gone.status, gone.headers["X-Mine"]) == (410, "1")


async def test_a_handler_of_a_sub_application_finds_the_mesh(on_mesh: OnMesh) -> None:
    async def me(request: web.Request) -> web.Response:
        return web.Response(text=kit.me(request).name)

    small, app = web.Application(), web.Application()
    small.router.add_get("/me", me)
    app.add_subapp("/small/", small)
    kit.setup(app, name="orders")
    async with TestClient(TestServer(on_mesh(app))) as client:
        answer = await client.get("/small/me")
        assert (answer.status, await answer.text()) == (200, "orders")
        assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("away", [False, True], ids=["Consul is there", "Consul is away"])
async def test_readiness_never_looks_at_consul(client: Client, fake_consul: FakeConsul, away: bool) -> None:
    fake_consul.away = away
    assert (await client.get("/ready")).status == 200
    assert (await client.get("/health")).status == 200


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_the_check_of_a_predecessor_at_this_port_does_not_pass(
    client: Client, app: web.Application, path: str
) -> None:
    assert (await client.get(path, params={"instance": app[MESH].id})).status == 200
    answer = await client.get(path, params={"instance": "orders-of-before"})
    assert answer.status == 410
    assert "orders-of-before is gone" in await answer.text()


PROBES: list[tuple[str, Exception, str]] = [
    ("says why", errors.NotReady("the store is closed"), "not ready: the store is closed"),
    ("meets something away", errors.Unavailable("no disk"), "not ready: no disk"),
]


@pytest.mark.parametrize(("what", "error", "words"), PROBES, ids=[each[0] for each in PROBES])
async def test_a_probe_that(what: str, error: Exception, words: str, on_mesh: OnMesh) -> None:
    async def store_is_open() -> None:
        raise error

    app = web.Application()
    kit.setup(app, name="orders", ready=[store_is_open])
    async with TestClient(TestServer(on_mesh(app))) as client:
        answer = await client.get("/ready")
        assert answer.status == 503, what
        assert words in await answer.text()
        assert (await client.get("/health")).status == 200, "alive is another question"


async def test_a_probe_that_hangs_is_not_ready(on_mesh: OnMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoploom.kit.http_app.PROBE_TIMEOUT_S", 0.01)

    async def store_is_open() -> None:
        await asyncio.Event().wait()

    app = web.Application()
    kit.setup(app, name="orders", ready=[store_is_open])
    async with TestClient(TestServer(on_mesh(app))) as client:
        answer = await client.get("/ready")
        assert answer.status == 503
        assert "store_is_open took longer than" in await answer.text()


async def test_while_draining_connections_are_closed_and_nobody_is_invited(
    client: Client, app: web.Application
) -> None:
    assert "Connection" not in (await client.get("/health")).headers
    app[MESH].state = State.DRAINING
    ready = await client.get("/ready")
    assert (ready.status, ready.headers["Connection"]) == (503, "close")
    assert (await client.get("/routed")).status == 503
    order = await client.post("/orders", data=b"1")
    assert (order.status, order.headers["Connection"]) == (200, "close"), "who still comes is still served"


async def test_routed_without_any_fabio_is_no(client: Client) -> None:
    answer = await client.get("/routed")
    assert answer.status == 503
    assert "none is passing" in await answer.text()


async def test_routed_without_consul_is_unknown(client: Client, fake_consul: FakeConsul) -> None:
    fake_consul.away = True
    assert (await client.get("/routed")).status == 503


async def test_an_instance_without_routes_has_nothing_to_wait_for(on_mesh: OnMesh) -> None:
    app = web.Application()
    kit.setup(app, name="orders")
    async with TestClient(TestServer(on_mesh(app))) as client:
        assert (await client.get("/routed")).status == 200


async def test_requests_are_counted_by_route_and_never_by_path_or_odd_method(client: Client) -> None:
    await client.get("/raise/missing")
    await client.get("/secret-path")
    await client.request("PROPFIND", "/orders")
    page = await (await client.get("/metrics")).text()
    assert 'method="GET",route="/raise/{error}",service="orders",status="404"' in page
    assert "secret-path" not in page
    assert "PROPFIND" not in page
    assert 'method="other"' in page


async def test_a_deploy_sees_what_came_by_a_router_and_how_all_was_answered(client: Client) -> None:
    async def told() -> pages.Series:
        found = pages.of_instance(await (await client.get("/metrics")).text())
        return {key: value for key, value in found.items() if not 0 < key[2] < math.inf}

    before = await told()
    routed = {"X-Forwarded-For": "127.0.0.9"}
    for path in ("/raise/away", "/health", "/found"):
        await client.get(path, headers=routed, allow_redirects=False)
    await client.get("/raise/large")
    now = await told()
    since = {key[1]: now[key] - before.get(key, 0) for key in now}
    assert since == {"answered": 3, "failed": 1, "lost": 0, "arrived": 3, "within": 3}


async def test_nothing_stays_in_flight(client: Client, app: web.Application) -> None:
    for path in ("/health", "/nowhere", "/raise/away", "/found"):
        await client.get(path, allow_redirects=False)
    assert app[MESH].in_flight.count == 0


async def test_the_health_port_answers_the_same_and_what_was_added(on_mesh: OnMesh) -> None:
    async def spool(_: web.Request) -> web.Response:
        return web.Response(text="12 rows")

    app = web.Application()
    kit.setup(app, name="orders")
    kit.health_routes(app, [web.get("/spool", spool)])
    async with TestClient(TestServer(health_app(on_mesh(app)))) as client:
        assert app[MESH].id in await (await client.get("/health")).text()
        assert (await client.get("/ready")).status == 200
        assert await (await client.get("/spool")).text() == "12 rows"
        assert (await client.get("/orders")).status == 404


WRONG = [("Orders!", "/orders"), ("orders", "orders"), ("orders", "/orders strip"), ("orders", "/orders weight=2")]


@pytest.mark.parametrize(("name", "route"), WRONG)
def test_a_wrong_name_or_route_is_refused_at_once(name: str, route: str) -> None:
    with pytest.raises(TagError):
        kit.setup(web.Application(), name=name, routes=[route])


async def test_a_problem_is_json(client: Client) -> None:
    text = await (await client.get("/raise/bad")).text()
    assert json.loads(text)["title"] == "Bad request"


async def test_the_load_is_that_of_all_other_requests(app: web.Application, client: Client) -> None:
    app[MESH].lag_s = 0.25
    with app[MESH].in_flight.one("GET /slow"):
        told = await (await client.get("/load")).json()
    assert told == {"v": 1, "instance": app[MESH].id, "in_flight": 1, "lag_s": 0.25, "draining": False}
    app[MESH].state = State.DRAINING
    assert (await (await client.get("/load")).json())["draining"]


async def test_a_caller_that_breaks_off_is_no_error_of_ours(on_mesh: OnMesh, caplog: pytest.LogCaptureFixture) -> None:
    app, read = web.Application(), asyncio.Event()

    async def reads(request: web.Request) -> web.Response:
        read.set()
        return web.json_response(await kit.read_json(request))

    kit.setup(app, name="broken")
    app.add_routes([web.post("/broken-off", reads)])
    # As instances are served: a handler goes on when its caller has gone.
    runner = web.AppRunner(on_mesh(app), handler_cancellation=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"POST /broken-off HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    await read.wait()
    writer.transport.abort()
    await eventually("the end of the request", lambda: not kit.mesh(app).in_flight.count)
    page = metrics.page("broken-1", "broken", "dc1").decode()
    await runner.cleanup()
    assert 'route="/broken-off",service="broken",status="400"' in page
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
