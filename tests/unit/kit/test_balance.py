"""Client-side balancing: whom a request goes to, when it is repeated, and what happens without Consul."""

from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from yarl import URL

from hoploom.kit import balance
from hoploom.kit.balance import Directory, ServiceClient, ServiceList
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import Answer, HttpClient

FABIO = "http://127.0.0.1:9999"
ONE, TWO = "http://127.0.0.1:1001", "http://127.0.0.1:1002"


class Recorder(HttpClient):
    """Sends nothing: answers 200 but for the addresses that are down, and remembers who was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.asked = set[str](), list[str]()

    async def request(self, method: str, url: str | URL, **_: Any) -> Answer:
        origin = str(URL(str(url)).origin())
        self.asked.append(origin)
        if origin in self.down:
            raise Unavailable(f"{origin} is down")
        return Answer(200, b"{}")


@pytest.fixture
def http() -> Recorder:
    return Recorder()


@pytest.fixture
async def shop(fake_consul: FakeConsul, http: Recorder) -> AsyncIterator[ServiceClient]:
    """A client of the service `shop`, which has two instances; nobody watches its list."""
    for port in (1001, 1002):
        fake_consul.add_instance("shop", "127.0.0.1", port)
    yield Directory(fake_consul, http, FABIO, lambda: None).client("shop")


async def test_instances_are_asked_in_turn(shop: ServiceClient, http: Recorder) -> None:
    for _ in range(4):
        await shop.request("GET", "/")
    assert sorted(http.asked) == [ONE, ONE, TWO, TWO]
    assert http.asked[0] != http.asked[1]


REPEATED = [
    ("GET", {}, True),
    ("PUT", {}, True),
    ("DELETE", {}, True),
    ("POST", {}, False),
    ("PATCH", {}, False),
    ("POST", {"Idempotency-Key": "k"}, True),
    ("POST", {"idempotency-key": "k"}, True),
]


@pytest.mark.parametrize(("method", "headers", "repeated"), REPEATED)
async def test_what_may_be_repeated_goes_to_the_other_instance(
    method: str, headers: dict[str, str], repeated: bool, shop: ServiceClient, http: Recorder
) -> None:
    http.down = {ONE}
    failed = 0
    for _ in range(4):
        try:
            await shop.request(method, "/", headers=headers)
        except Unavailable:
            failed += 1
    assert failed == (0 if repeated else 2)
    assert http.asked.count(TWO) == (4 if repeated else 2)


async def test_the_second_try_never_meets_the_instance_that_failed(shop: ServiceClient, http: Recorder) -> None:
    http.down = {ONE}
    for _ in range(10):
        await shop.request("GET", "/")
    assert f"{ONE} {ONE}" not in " ".join(http.asked)


async def test_after_two_tries_the_reason_is_raised(shop: ServiceClient, http: Recorder) -> None:
    http.down = {ONE, TWO}
    with pytest.raises(Unavailable, match="is down"):
        await shop.request("GET", "/")
    assert sorted(http.asked) == [ONE, TWO]


async def test_the_last_known_good_list_outlives_consul(
    shop: ServiceClient, http: Recorder, fake_consul: FakeConsul
) -> None:
    await shop.request("GET", "/")
    fake_consul.away = True
    await shop.request("GET", "/")
    assert sorted(http.asked) == [ONE, TWO]


async def test_an_empty_list_does_not_replace_a_known_one(
    shop: ServiceClient, http: Recorder, fake_consul: FakeConsul
) -> None:
    await shop.request("GET", "/")
    for port in (1001, 1002):
        await fake_consul.deregister(f"shop-{port}")
    await shop.request("GET", "/")
    assert FABIO not in http.asked


@pytest.mark.parametrize("away", [True, False], ids=["Consul is away", "Consul knows no instance"])
async def test_fabio_is_asked_when_nobody_is_known(fake_consul: FakeConsul, http: Recorder, away: bool) -> None:
    fake_consul.away = away
    await Directory(fake_consul, http, FABIO, lambda: None).client("shop").request("GET", "/")
    assert http.asked == [FABIO]


async def test_each_asks_every_instance_and_says_who_did_not_answer(shop: ServiceClient, http: Recorder) -> None:
    http.down = {TWO}
    found = {instance.url: answer for instance, answer in await shop.each("GET", "/")}
    assert isinstance(found[ONE], Answer)
    assert isinstance(found[TWO], Unavailable)


async def test_each_never_takes_an_outage_for_an_empty_service(fake_consul: FakeConsul, http: Recorder) -> None:
    shop = Directory(fake_consul, http, FABIO, lambda: None).client("shop")
    assert await shop.each("GET", "/") == []
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await shop.each("GET", "/")


async def test_a_list_is_watched_once_and_then_read_no_more(fake_consul: FakeConsul, http: Recorder) -> None:
    fake_consul.add_instance("shop", "127.0.0.1", 1001)
    watches: list[Coroutine[Any, Any, None]] = []
    directory = Directory(fake_consul, http, FABIO, lambda: watches.append)
    for _ in range(3):
        await directory.client("shop").request("GET", "/")
    assert len(watches) == 1
    watches[0].close()


def test_a_list_keeps_what_it_knew() -> None:
    known = ServiceList(FakeConsul(), "shop")
    assert known.pick() is None
    known.learn([Instance("shop-1", "shop", "::1", 80)])
    known.learn([])
    only = known.pick(avoid="http://[::1]:80")
    assert only is not None, "the only one is asked again"
    assert only.url == "http://[::1]:80"


async def test_through_a_router_nobody_is_listed(http: Recorder) -> None:
    router = ServiceClient.through(http, FABIO)
    await router.request("GET", "/")
    assert http.asked == [FABIO]
    with pytest.raises(Unavailable, match="not known"):
        await router.each("GET", "/")


async def test_a_refusal_is_an_answer_of_its_own(shop: ServiceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> Answer:
        raise NotFound("no such order")

    monkeypatch.setattr(Recorder, "request", refuse)
    with pytest.raises(NotFound):
        await shop.request("GET", "/")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "NEAREST_FRESH_S", 0.0)


@pytest.mark.usefixtures("quick")
async def test_where_no_instance_is_here_the_nearest_datacenter_is_asked_and_here_again_afterwards(
    fake_consul: FakeConsul, http: Recorder
) -> None:
    shop = Directory(fake_consul, http, FABIO, lambda: None).nearest("shop")
    fake_consul.add_instance("shop", "127.0.0.1", 1001)
    fake_consul.add_instance("shop", "127.0.0.1", 1002, dc="dc2")
    await shop.request("GET", "/")
    await fake_consul.deregister("shop-1001")
    await shop.request("GET", "/")
    fake_consul.add_instance("shop", "127.0.0.1", 1001)
    await shop.request("GET", "/")
    assert http.asked == [ONE, TWO, ONE]


@pytest.mark.usefixtures("quick")
async def test_the_nearest_known_last_is_asked_while_consul_is_away(fake_consul: FakeConsul, http: Recorder) -> None:
    shop = Directory(fake_consul, http, FABIO, lambda: None).nearest("shop")
    fake_consul.away = True
    await shop.request("GET", "/")
    with pytest.raises(Unavailable):
        await shop.each("GET", "/")
    fake_consul.away = False
    fake_consul.add_instance("shop", "127.0.0.1", 1002, dc="dc2")
    await shop.request("GET", "/")
    fake_consul.away = True
    await shop.request("GET", "/")
    assert http.asked == [FABIO, TWO, TWO]


async def test_consul_is_not_asked_for_the_nearest_before_every_call(fake_consul: FakeConsul, http: Recorder) -> None:
    shop = Directory(fake_consul, http, FABIO, lambda: None).nearest("shop")
    fake_consul.add_instance("shop", "127.0.0.1", 1001)
    await shop.request("GET", "/")
    fake_consul.add_instance("shop", "127.0.0.1", 1002)
    for _ in range(4):
        await shop.request("GET", "/")
    assert set(http.asked) == {ONE}
