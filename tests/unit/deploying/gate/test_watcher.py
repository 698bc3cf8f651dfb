"""Looking at routers and instances that answer, that are away, that were restarted, and that mean no good."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.deploying.gate import Watcher, target
from hoploom.deploying.gate import watcher as module
from hoploom.kit.consul_api import Instance
from hoploom.kit.fabio_api import Router
from hoploom.kit.http_client import HttpClient

FABIO = (
    'fabio_route_bucket{{service="orders",target="http://127.0.0.1:{port}/",le="+Inf"}} {sent}\n'
    'fabio_http_status_count{{code="502"}} {failed}\n'
)
KIT = (
    'hoploom_http_routed_requests_total{{service="orders"}} {arrived}\n'
    'hoploom_http_requests_total{{route="/orders",status="200"}} {arrived}\n'
)
GONE = Router("gone", "", "http://127.0.0.1:1/metrics")


class World:
    """A router and an instance, whose pages a test writes."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[], web.Response]] = {}
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        await self.may_answer.wait()
        return self.pages[request.path]()

    def say(self, path: str, text: str) -> None:
        self.pages[path] = lambda: web.Response(text=text)


@pytest.fixture
async def server() -> AsyncIterator[tuple[World, TestServer, HttpClient]]:
    world, http = World(), HttpClient()
    app = web.Application()
    app.router.add_get("/{tail:.*}", world.answer)
    async with TestServer(app, host="127.0.0.1") as made:
        world.say("/fabio", FABIO.format(port=made.port, sent=10, failed=0))
        world.say("/metrics", KIT.format(arrived=10))
        yield world, cast(TestServer, made), http
    await http.close()


def watching(server: TestServer, http: HttpClient, *others: Router, on_kit: bool = True) -> Watcher:
    meta = {"booted_at_us": "1"} if on_kit else {}
    instance = Instance("orders-a", "orders", "127.0.0.1", int(server.port or 0), meta=meta)
    return Watcher(http, [Router("a", "", str(server.make_url("/fabio"))), *others], [instance])


async def test_a_look_has_what_router_and_instance_say(server: tuple[World, TestServer, HttpClient]) -> None:
    _, made, http = server
    watcher = watching(made, http)
    look = await watcher.look()
    seen = look.of(target(watcher.instances[0]))
    assert (seen.routed.total, seen.arrived, seen.answered, look.silent) == (10, 10, 10, ())


async def test_counts_go_on_over_restarts_of_either(server: tuple[World, TestServer, HttpClient]) -> None:
    world, made, http = server
    watcher = watching(made, http)
    await watcher.look()
    world.say("/fabio", FABIO.format(port=made.port, sent=3, failed=1))
    world.say("/metrics", KIT.format(arrived=2))
    look = await watcher.look()
    seen = look.of(target(watcher.instances[0]))
    assert (seen.routed.total, seen.arrived, look.failed) == (13, 12, 1)


async def test_who_does_not_answer_is_named_and_counts_on_from_before(
    server: tuple[World, TestServer, HttpClient],
) -> None:
    world, made, http = server
    watcher = watching(made, http, GONE)
    assert (await watcher.look()).silent == ("fabio gone",)
    world.pages["/metrics"] = lambda: web.Response(status=500)
    look = await watcher.look()
    assert (look.silent, look.of(target(watcher.instances[0])).arrived) == (("fabio gone", "orders-a"), 10)


async def test_a_router_that_was_silent_at_first_brings_no_past_into_a_later_look(
    server: tuple[World, TestServer, HttpClient],
) -> None:
    world, made, http = server
    world.pages["/fabio"] = lambda: web.Response(status=503)
    watcher = watching(made, http)
    await watcher.look()
    world.say("/fabio", FABIO.format(port=made.port, sent=1_000, failed=9))
    look = await watcher.look()
    assert (look.failed, look.of(target(watcher.instances[0])).routed.total) == (0, 0)


async def test_whom_a_router_has_let_go_of_is_seen(server: tuple[World, TestServer, HttpClient]) -> None:
    world, made, http = server
    watcher = watching(made, http)
    looks = [await watcher.look()]
    world.say("/fabio", "")
    looks.append(await watcher.look())
    assert [each.of(target(watcher.instances[0])).let_go for each in looks] == [0, 1]


@pytest.mark.parametrize("is_seen_gone", [True, False])
async def test_a_late_answer_that_brings_it_back_onto_the_page_hides_nothing(
    server: tuple[World, TestServer, HttpClient], is_seen_gone: bool
) -> None:
    world, made, http = server
    watcher = watching(made, http)
    await watcher.look()
    if is_seen_gone:
        world.say("/fabio", "")
        await watcher.look()
    world.say("/fabio", FABIO.format(port=made.port, sent=1, failed=0))
    seen = [(await watcher.look()).of(target(watcher.instances[0])) for _ in range(2)]
    assert [(each.let_go, each.routed.total) for each in seen] == [(1, 11), (1, 11)]


async def test_before_there_is_an_instance_nobody_is_asked_and_nothing_of_the_past_is_counted_later(
    server: tuple[World, TestServer, HttpClient],
) -> None:
    world, made, http = server
    watcher = watching(made, http)
    instances, watcher.instances = watcher.instances, ()
    assert (await watcher.look()).instances == {}
    assert world.asked == []
    watcher.instances = instances
    since = await watcher.look()
    assert (await watcher.look()).instances == since.instances


async def test_an_instance_that_is_not_on_the_kit_is_not_asked(server: tuple[World, TestServer, HttpClient]) -> None:
    world, made, http = server
    watcher = watching(made, http, on_kit=False)
    seen = (await watcher.look()).of(target(watcher.instances[0]))
    assert (world.asked, seen.answered, seen.routed.total) == (["/fabio"], None, 10)


HOSTILE: list[tuple[str, Callable[[], web.Response]]] = [
    ("a page of 9 MB", lambda: web.Response(body=b"x" * 9_000_000)),
    ("nonsense", lambda: web.Response(text='hoploom_http_routed_requests_total{a="} 1\n')),
    ("a redirect", lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})),
    ("a bomb", lambda: web.Response(body=gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"})),
]


@pytest.mark.parametrize("page", [each[1] for each in HOSTILE], ids=[each[0] for each in HOSTILE])
async def test_an_instance_that_means_no_good_is_silent(
    server: tuple[World, TestServer, HttpClient], page: Callable[[], web.Response]
) -> None:
    world, made, http = server
    world.pages["/metrics"] = page
    assert (await watching(made, http).look()).silent == ("orders-a",)


async def test_one_that_does_not_answer_in_time_is_given_up(
    server: tuple[World, TestServer, HttpClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made, http = server
    monkeypatch.setattr(module, "ASK_TIMEOUT_S", 0.05)
    world.may_answer.clear()
    look = await watching(made, http).look()
    world.may_answer.set()
    assert look.silent == ("fabio a", "orders-a")


def test_a_target_is_named_as_fabio_names_it() -> None:
    assert target(Instance("a", "orders", "::1", 80)) == "[::1]:80"
