"""The gateway between a worker and services that say what they were asked."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from hoploom import kit
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import MESH
from hoploom.manager import access
from hoploom.manager.gateway import relaying, rules, shares
from hoploom.trust.attaching import GUARD
from hoploom.trust.guard import Guard
from hoploom.trust.key_set import KeySet
from unit.trust.issuing import bearer, publish
from waiting import eventually

Put = Callable[[web.Application], web.Application]
Gateway = TestClient[web.Request, web.Application]
SET = "/gateway/api/v1/sets/" + "ab" * 32
OVERLAY = "/gateway/api/v1/overlay?known=3&wait_s=20&here=yes"
RENEW = "/gateway/leases/demo.0.0.4.0.16.0123456789abcdef/renew"
REVOKED = "pi-stolen"
MESH_TOKEN = {"Authorization": "Bearer shared"}


class Service:
    """Input and output in one: tells what it was asked, in the way that a test wishes.

    Attributes:
        asked: The requests, in their order.
        bodies: What came with them; a body that broke off is not among them.
        answers: What to answer, by path; else the path.
        silent: Paths that are not answered before `go`, as long polls are not.
        holding: Requests that wait.
        go: Set to answer them.
        broken: Bodies that broke off.
    """

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.answers: dict[str, Callable[[web.Request], web.StreamResponse]] = {}
        self.silent = {OVERLAY.partition("?")[0].removeprefix("/gateway")}
        self.holding, self.broken, self.go = 0, 0, asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if request.path in self.answers:
            return self.answers[request.path](request)
        if request.path in self.silent:
            self.holding += 1
            await self.go.wait()
            return web.Response(status=304)
        if request.path == "/api/v1/sets/" + "cd" * 32:
            return await _cut(request)
        try:
            self.bodies.append(await request.read())
        except (ConnectionError, asyncio.CancelledError):
            self.broken += 1
            raise
        return web.json_response({"path": request.path, "bytes": len(self.bodies[-1])})


async def _cut(request: web.Request) -> web.StreamResponse:
    """Half an answer."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport
    request.transport.close()
    return response


@pytest.fixture
async def service(fake_consul: FakeConsul) -> AsyncIterator[Service]:
    found = Service()
    async with TestServer(found.app()) as server:
        for name in ("input", "output"):
            fake_consul.add_instance(name, "127.0.0.1", server.port or 0)
        yield found


@contextlib.asynccontextmanager
async def managing(on_mesh: Put, consul: FakeConsul, rate_per_s: float = 0.0) -> AsyncIterator[Gateway]:
    app = web.Application()
    kit.setup(app, name="manager", routes=["/"])
    app[GUARD] = Guard("shared", KeySet(consul), lambda name: name == REVOKED)
    access.attach(app, "")
    relaying.attach(app, rate_per_s)
    await publish(consul)
    async with TestClient(TestServer(on_mesh(app))) as client:
        yield client


@pytest.fixture
async def gateway(on_mesh: Put, fake_consul: FakeConsul, service: Service) -> AsyncIterator[Gateway]:
    async with managing(on_mesh, fake_consul) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "there"),
    [
        ("POST", "/gateway/leases", "/leases"),
        ("POST", RENEW, RENEW.removeprefix("/gateway")),
        ("POST", "/gateway/results", "/results"),
        ("GET", SET, SET.removeprefix("/gateway")),
    ],
)
async def test_a_request_comes_to_the_service_and_the_answer_to_the_worker(
    method: str, path: str, there: str, gateway: Gateway, service: Service
) -> None:
    body = b'{"v": 1}' if method == "POST" else None
    async with gateway.request(method, path, data=body, headers={**bearer(), "Idempotency-Key": "k"}) as answer:
        assert answer.status == 200 and (await answer.json())["path"] == there
    [asked] = service.asked
    assert asked.headers["Authorization"] == bearer()["Authorization"], "the service verifies the worker itself"
    assert asked.headers["Idempotency-Key"] == "k" and asked.headers["X-Forwarded-For"] == "127.0.0.1"
    assert asked.headers["Host"] != gateway.server.host and "X-Hoploom-Relayed" not in asked.headers
    assert answer.headers["X-Request-Id"] == asked.headers["X-Request-Id"]


async def test_behind_a_router_the_worker_s_address_is_what_the_router_has_seen(
    gateway: Gateway, service: Service
) -> None:
    claimed = {**bearer(), "X-Forwarded-For": "192.0.2.1, 198.51.100.7"}
    async with gateway.post("/gateway/leases", data=b"{}", headers=claimed) as answer:
        assert answer.status == 200
    assert service.asked[0].headers["X-Forwarded-For"] == "198.51.100.7"


@pytest.mark.parametrize(
    ("headers", "path", "status", "reason"),
    [
        ({}, "/gateway/leases", 401, "Bearer"),
        ({"Authorization": "Bearer hw1.e30.x"}, "/gateway/leases", 401, "malformed"),
        (MESH_TOKEN, "/gateway/leases", 403, "for enrolled workers"),
        (bearer(REVOKED), "/gateway/leases", 403, "revoked"),
        (bearer(), "/gateway/api/v1/campaigns", 404, "nothing at /gateway/api/v1/campaigns is relayed by POST"),
        (bearer(), "/gateway/leases/..%2Fapi%2Fv1%2Fcampaigns", 404, "is relayed"),
        (bearer(), "/gateway/", 404, "is relayed"),
    ],
)
async def test_who_may_not_is_refused_here(
    headers: dict[str, str], path: str, status: int, reason: str, gateway: Gateway, service: Service
) -> None:
    async with gateway.post(path, data=b"{}", headers=headers) as answer:
        assert answer.status == status and reason in (await answer.json())["detail"]
    assert service.asked == []


async def test_the_answer_is_as_it_came(gateway: Gateway, service: Service) -> None:
    full = {"Retry-After": "7", "Content-Type": "application/problem+json", "Set-Cookie": "a=b"}
    service.answers["/results"] = lambda _: web.Response(status=507, text='{"detail": "full"}', headers=full)
    service.answers["/leases"] = lambda _: web.Response(status=204, headers={"Retry-After": "1"})
    async with gateway.post("/gateway/results", data=b"x", headers=bearer()) as answer:
        assert (answer.status, await answer.text()) == (507, '{"detail": "full"}')
        assert answer.headers["Retry-After"] == "7" and answer.content_type == "application/problem+json"
        assert "Set-Cookie" not in answer.headers
    async with gateway.post("/gateway/leases", data=b"{}", headers=bearer()) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (204, "1")


async def test_a_long_body_flows_through_in_pieces(gateway: Gateway, service: Service) -> None:
    body = bytes(range(256)) * 2**15
    async with gateway.post("/gateway/results", data=io.BytesIO(body), headers=bearer()) as answer:
        assert (await answer.json())["bytes"] == len(body)
    assert service.bodies == [body]
    assert service.asked[0].headers["Content-Length"] == str(len(body))


async def pieces() -> AsyncIterator[bytes]:
    yield b"x"


async def test_a_body_that_is_too_long_or_does_not_say_its_length_is_refused(
    gateway: Gateway, service: Service
) -> None:
    async with gateway.post("/gateway/leases", data=io.BytesIO(bytes(2**20 + 1)), headers=bearer()) as answer:
        assert answer.status == 413
    async with gateway.post("/gateway/results", data=pieces(), headers=bearer()) as answer:
        assert answer.status == 400 and "Content-Length" in (await answer.json())["detail"]
    async with gateway.get(SET, data=b"x", headers=bearer()) as answer:
        assert answer.status == 413
    assert service.asked == []


async def test_an_instance_that_is_gone_costs_nothing_while_another_answers(
    gateway: Gateway, service: Service, fake_consul: FakeConsul
) -> None:
    fake_consul.add_instance("output", "127.0.0.1", unused_port())
    for _ in range(4):
        async with gateway.post("/gateway/results", data=b"batch", headers=bearer()) as answer:
            assert answer.status == 200
    assert service.bodies == [b"batch"] * 4


async def test_with_nobody_there_the_worker_is_told_to_come_again(on_mesh: Put, fake_consul: FakeConsul) -> None:
    fake_consul.add_instance("output", "127.0.0.1", unused_port())
    async with (
        managing(on_mesh, fake_consul) as gateway,
        gateway.post("/gateway/results", data=b"batch", headers=bearer()) as answer,
    ):
        assert answer.status == 503 and "Retry-After" in answer.headers
        assert "output service gives no answer" in (await answer.json())["detail"]


async def test_half_an_answer_does_not_look_like_a_whole_one(gateway: Gateway) -> None:
    with pytest.raises(ClientPayloadError):
        async with gateway.get("/gateway/api/v1/sets/" + "cd" * 32, headers=bearer()) as answer:
            assert answer.status == 200
            await answer.read()


async def test_a_worker_that_breaks_off_leaves_no_half_batch(gateway: Gateway, service: Service) -> None:
    head = f"POST /gateway/results HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer()['Authorization']}\r\n"
    reader, writer = await asyncio.open_connection(gateway.server.host, gateway.server.port)
    writer.write(f"{head}Content-Length: 1000\r\n\r\nhalf".encode())
    await eventually("a request that is relayed", lambda: service.asked)
    writer.transport.abort()
    await eventually("a broken body", lambda: service.broken)
    assert service.bodies == []
    assert await reader.read() == b""


def waits(service: Service, number: int) -> bool:
    return service.holding == number


async def test_long_polls_of_one_worker_do_not_pile_up(gateway: Gateway, service: Service) -> None:
    polls = []
    for number in range(shares.POLLS + 1):
        polls.append(asyncio.ensure_future(gateway.get(OVERLAY, headers=bearer())))
        await eventually("one more poll", partial(waits, service, number + 1))
    oldest = await polls[0]
    assert oldest.status == 304 and not polls[1].done()
    service.go.set()
    assert [(await each).status for each in polls] == [304] * len(polls)
    assert dict(service.asked[0].query) == {"known": "3", "wait_s": "20"}


async def test_long_polls_do_not_hold_up_a_manager_that_stops(gateway: Gateway, service: Service) -> None:
    poll = asyncio.ensure_future(gateway.get(OVERLAY, headers=bearer()))
    await eventually("the poll", partial(waits, service, 1))
    assert gateway.app is not None
    for step in gateway.app[MESH].drain_steps:
        await step(gateway.app)
    assert (await poll).status == 304
    assert (await gateway.get(OVERLAY, headers=bearer())).status == 304
    assert service.holding == 1, "the one that came later was not relayed"
    assert (await gateway.get("/gateway/api/v1/sets/" + "ab" * 32, headers=bearer())).status == 200


async def test_a_service_that_is_silent_is_given_up(
    gateway: Gateway, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "SAY_S", 0.05)
    service.silent.add("/leases")
    async with gateway.post("/gateway/leases", data=b"{}", headers=bearer()) as answer:
        assert answer.status == 503 and "does not answer in time" in (await answer.json())["detail"]


async def test_one_worker_s_flood_is_its_own_affair(on_mesh: Put, fake_consul: FakeConsul, service: Service) -> None:
    async with managing(on_mesh, fake_consul, rate_per_s=1.0) as gateway:
        answers = [await gateway.post("/gateway/leases", data=b"{}", headers=bearer()) for _ in range(6)]
        assert answers[0].status == 200 and answers[-1].status == 429 and "Retry-After" in answers[-1].headers
        async with gateway.post("/gateway/leases", data=b"{}", headers=bearer("pi-2")) as answer:
            assert answer.status == 200


async def test_while_consul_is_away_relaying_goes_on(
    gateway: Gateway, service: Service, fake_consul: FakeConsul
) -> None:
    async with gateway.post("/gateway/leases", data=b"{}", headers=bearer()) as answer:
        assert answer.status == 200
    fake_consul.away = True
    async with gateway.post("/gateway/leases", data=b"{}", headers=bearer("pi-2")) as answer:
        assert answer.status == 200
    with pytest.raises(Unavailable):
        await fake_consul.kv_get("hoploom/any")
