"""One instance's identity, and its count of requests in flight."""

import asyncio

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.kit.membership import InFlight, Mesh
from hoploom.kit.settings import Settings


def test_every_start_takes_a_new_id() -> None:
    assert Mesh("orders").id != Mesh("orders").id
    assert Mesh("orders").id.startswith("orders-")


def test_the_allocation_goes_to_the_metadata_and_not_to_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOMAD_ALLOC_ID", "3f2a")
    mesh = Mesh("orders", settings=Settings(version_tag="1.4.1"))
    mesh.meta["store"] = "s-1"
    described = mesh.described()
    assert (described["allocation"], described["version"], described["store"]) == ("3f2a", "1.4.1", "s-1")
    assert "3f2a" not in mesh.id


def test_a_health_port_is_in_the_metadata_where_prometheus_finds_it() -> None:
    assert Mesh("orders", settings=Settings(health_port=9100)).described()["health_port"] == "9100"
    assert "health_port" not in Mesh("orders").described()


ADDRESSES = [("127.0.0.1", "", "127.0.0.1"), ("0.0.0.0", "10.0.0.7", "10.0.0.7"), ("::", "fd00::7", "fd00::7")]


@pytest.mark.parametrize(("host", "advertise", "address"), ADDRESSES)
def test_the_address_that_others_use(host: str, advertise: str, address: str) -> None:
    mesh = Mesh("orders", settings=Settings(host=host, advertise=advertise))
    mesh.check_address()
    assert mesh.address == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_nobody_can_reach_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="--advertise"):
        Mesh("orders", settings=Settings(host=host)).check_address()


WRONG = [("consul_addr", "127.0.0.1:8500"), ("consul_addr", "ftp://x"), ("consul_token_file", "/nonexistent/token")]


@pytest.mark.parametrize(("name", "value"), WRONG)
async def test_a_wrong_agent_is_a_sentence(name: str, value: str) -> None:
    mesh = Mesh("orders", settings=Settings(**{name: value}))  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        _ = mesh.consul


async def test_closing_what_was_never_opened_is_fine() -> None:
    await Mesh("orders").close()


def test_that_consul_is_away_is_said_and_nothing_while_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = Mesh("orders")
    assert mesh.consul_note() == "Consul not heard yet"
    monkeypatch.setattr("hoploom.kit.membership.boottime_s", lambda: 100.0)
    mesh.consul_seen_s = 95.0
    assert mesh.consul_note() == ""
    mesh.consul_seen_s = 40.0
    assert mesh.consul_note() == "Consul away for 60 s"


async def test_idle_waits_for_the_last_request() -> None:
    flight, order = InFlight(), list[str]()

    async def answer(done: asyncio.Event, name: str) -> None:
        with flight.one("GET /a"):
            await done.wait()
            order.append(name)

    first, second = asyncio.Event(), asyncio.Event()
    tasks = [asyncio.create_task(answer(first, "first")), asyncio.create_task(answer(second, "second"))]
    await asyncio.sleep(0)
    assert not await flight.idle(0.001), "the wait is bounded"
    waiting = asyncio.create_task(flight.idle(5.0))
    first.set()
    await tasks[0]
    assert not waiting.done()
    second.set()
    assert await waiting
    assert order == ["first", "second"]
    assert await flight.idle(0.0), "nothing in flight needs no wait"
    await tasks[1]


async def test_idle_counts_a_request_that_comes_just_then() -> None:
    flight = InFlight()
    with flight.one("GET /a"):
        waiting = asyncio.create_task(flight.idle(0.01))
        await asyncio.sleep(0)
    with flight.one("GET /a"):
        assert not await waiting


def test_what_is_in_flight_is_named() -> None:
    flight = InFlight()
    with flight.one("POST /results"), flight.one("GET /dump"), flight.one("GET /dump"):
        assert str(flight) == "3 requests in flight (2 GET /dump, 1 POST /results)"
    assert str(flight) == "0 requests in flight"
