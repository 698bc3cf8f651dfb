"""Client-side balancing: whom a request goes to, when it is repeated, and what happens without Consul."""

from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from yarl import URL

from hoploom.kit import metrics
from hoploom.kit.balance import Directory, ServiceClient
from hoploom.kit.door import OUTCOMES
from hoploom.kit.errors import NotFound, Unavailable, Unreached
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.http_client import Answer, HttpClient

FABIO = "http://127.0.0.1:9999"
ONE, TWO = "http://127.0.0.1:1001", "http://127.0.0.1:1002"


class Recorder(HttpClient):
    """Sends nothing: answers 200 but for the addresses that are down, and remembers who was asked.

    Attributes:
        down: Who breaks off.
        closed: Who lets no connection come about.
        broken: Who answers 500.
        asked: Who was asked, in turn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.down, self.closed, self.broken = set[str](), set[str](), set[str]()
        self.asked = list[str]()

    async def request(self, method: str, url: str | URL, **_: Any) -> Answer:
        origin = str(URL(str(url)).origin())
        self.asked.append(origin)
        if origin in self.down:
            raise Unavailable(f"{origin} is down")
        if origin in self.closed:
            raise Unreached(f"{origin} is closed")
        return Answer(500 if origin in self.broken else 200, b"{}")


@pytest.fixture
def http() -> Recorder:
    return Recorder()


@pytest.fixture
async def shop(fake_consul: FakeConsul, http: Recorder) -> AsyncIterator[ServiceClient]:
    """A client of the service `shop`, which has two instances; nobody watches its list."""
    for port in (1001, 1002):
        fake_consul.add_instance("shop", "127.0.0.1", port)
    yield Directory(fake_consul, http, FABIO, lambda: None).client("shop")


async def _ask(shop: ServiceClient, count: int, method: str = "GET", **options: Any) -> int:
    """Ask so often, at once each time; how often nobody answered."""
    failed = 0
    for _ in range(count):
        try:
            await shop.request(method, "/", **options)
        except Unavailable:
            failed += 1
    return failed


async def test_instances_that_are_all_idle_share_the_requests(shop: ServiceClient, http: Recorder) -> None:
    assert await _ask(shop, 200) == 0
    assert 60 < http.asked.count(ONE) < 140


async def test_who_is_busy_with_a_stream_is_asked_no_more_than_the_others(shop: ServiceClient, http: Recorder) -> None:
    with await shop.instance() as busy:
        busy.answered()
        await _ask(shop, 20)
    assert busy.url not in http.asked
    await _ask(shop, 20)
    assert busy.url in http.asked


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
    failed = await _ask(shop, 50, method, headers=headers)
    met = http.asked.count(ONE)
    assert met > 0, "until it is out"
    assert failed == (0 if repeated else met)
    assert http.asked.count(TWO) == (50 if repeated else 50 - met)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_nobody_has_got_goes_to_the_other_instance_whatever_it_is(
    method: str, shop: ServiceClient, http: Recorder
) -> None:
    http.closed = {ONE}
    assert await _ask(shop, 50, method) == 0
    assert ONE in http.asked


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_second_try_is_the_last_whatever_comes_of_it(method: str, shop: ServiceClient, http: Recorder) -> None:
    http.closed = {ONE, TWO}
    assert await _ask(shop, 1, method) == 1
    assert sorted(http.asked) == [ONE, TWO]


@pytest.mark.parametrize("how", ["down", "closed", "broken"])
async def test_who_fails_time_and_again_is_left_alone(how: str, shop: ServiceClient, http: Recorder) -> None:
    setattr(http, how, {ONE})
    await _ask(shop, 100)
    assert http.asked.count(ONE) == 5


async def test_where_all_fail_all_are_asked_on(shop: ServiceClient, http: Recorder) -> None:
    http.broken = {ONE, TWO}
    await _ask(shop, 100)
    assert min(http.asked.count(ONE), http.asked.count(TWO)) > 20


async def test_the_second_try_never_meets_the_instance_that_failed(shop: ServiceClient, http: Recorder) -> None:
    http.down = {ONE}
    await _ask(shop, 30)
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
    assert await _ask(shop, 30) == 0
    assert set(http.asked) == {ONE, TWO}


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
    # Of the list, and of the shares by version.
    assert len(watches) == 2
    for each in watches:
        each.close()


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


async def test_what_nobody_waits_for_any_more_is_neither_a_failure_nor_open(shop: ServiceClient) -> None:
    before = _told("hoploom_client_requests_total", outcome="given_up")
    with pytest.raises(KeyError):
        with await shop.instance():
            assert _told("hoploom_client_outstanding") == 1
            raise KeyError
    assert _told("hoploom_client_outstanding") == 0
    assert _told("hoploom_client_requests_total", outcome="given_up") == before + 1


OUTCOMES_SEEN = [
    ("answered", "", 1),
    ("error", "broken", 1),
    ("unanswered", "down", 2),
    ("unreached", "closed", 2),
]


@pytest.mark.parametrize(("outcome", "how", "tries"), OUTCOMES_SEEN)
async def test_each_try_is_counted_by_what_came_of_it(
    outcome: str, how: str, tries: int, shop: ServiceClient, http: Recorder
) -> None:
    setattr(http, how or "down", {ONE, TWO} if how else set())
    before = _tries()
    await _ask(shop, 1)
    found = {name: count - before[name] for name, count in _tries().items() if count != before[name]}
    assert found == ({outcome: 2, "repeats": 1} if tries == 2 else {outcome: 1})


async def test_ejections_are_counted_and_shown_while_they_last(shop: ServiceClient, http: Recorder) -> None:
    before = _told("hoploom_client_ejections_total")
    http.down = {ONE}
    await _ask(shop, 50)
    assert _told("hoploom_client_ejections_total") - before == 1
    assert _told("hoploom_client_ejected") == 1


def _tries() -> dict[str, float]:
    found = {each: _told("hoploom_client_requests_total", outcome=each) for each in OUTCOMES}
    return {**found, "repeats": _told("hoploom_client_repeats_total")}


def _told(name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, {"asked": "shop", **labels}) or 0.0
