"""The broker between a Consul of this process and services that say how busy they are."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from hoploom import kit
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.testing import OnMesh
from hoploom.manager import access
from hoploom.manager.broker import handlers, looking

Client = TestClient[web.Request, web.Application]
Busy = Callable[..., object]


class Services:
    """Instances whose load the test says.

    Attributes:
        told: What each answers, by its port; None answers that there is no such path.
        asked: How often anybody was asked.
    """

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.told: dict[int, object] = {}
        self.asked = 0

    async def start(self, consul: FakeConsul, told: object, dc: str = "") -> int:
        """One more healthy instance, here or in another datacenter; its port."""
        app = web.Application()

        async def load(_: web.Request) -> web.Response:
            self.asked += 1
            document = self.told[server.port or 0]
            return web.Response(status=404) if document is None else web.json_response(document)

        app.router.add_get("/load", load)
        server = await self._stack.enter_async_context(TestServer(app))
        port = server.port or 0
        self.told[port] = told
        consul.add_instance("output", "127.0.0.1", port, dc=dc)
        return port


def busy(in_flight: int, *, draining: bool = False) -> dict[str, object]:
    return {"v": 1, "instance": "x", "in_flight": in_flight, "lag_s": 0.0, "draining": draining}


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        yield Services(stack)


@pytest.fixture
async def manager(on_mesh: OnMesh) -> AsyncIterator[Client]:
    app = web.Application()
    kit.setup(app, name="manager")
    access.attach(app, "")
    handlers.attach(app)
    async with TestClient(TestServer(on_mesh(app))) as client:
        yield client


async def chosen(manager: Client, query: str = "service=output") -> str:
    """The port of the instance named; the status where it is none."""
    answer = await manager.get(f"/broker?{query}")
    return (await answer.json())["url"].rpartition(":")[2] if answer.status == 200 else str(answer.status)


@pytest.mark.parametrize(
    ("one", "other", "index"),
    [
        (busy(5), busy(1), 1),
        (busy(0, draining=True), busy(9), 1),
        (busy(5), None, 0),
        (busy(5), {"v": 1, "in_flight": -1}, 0),
        (busy(5), ["nonsense"], 0),
    ],
)
async def test_the_least_loaded_instance_that_answers_is_named(
    manager: Client, services: Services, fake_consul: FakeConsul, one: object, other: object, index: int
) -> None:
    ports = [await services.start(fake_consul, each) for each in (one, other)]
    assert await chosen(manager) == str(ports[index])


async def test_one_look_is_good_for_all_who_ask_within_a_second(
    manager: Client, services: Services, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr(looking, "boottime_s", lambda: now_s)
    ports = {str(await services.start(fake_consul, busy(0))) for _ in range(2)}
    assert {await chosen(manager) for _ in range(4)} == ports, "they spread"
    assert services.asked == 2
    now_s += looking.FRESH_S + 0.1
    await chosen(manager)
    assert services.asked == 4


async def test_the_last_known_are_named_while_consul_is_away_and_answered_for_by_themselves(
    manager: Client, services: Services, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "FRESH_S", -1.0)
    port = await services.start(fake_consul, busy(0))
    await chosen(manager)
    fake_consul.away = True
    assert await chosen(manager) == str(port)
    services.told[port] = busy(0, draining=True)
    assert await chosen(manager) == "503"


async def test_this_datacenter_is_nearest_however_busy_and_another_one_is_named_where_it_has_none(
    manager: Client, services: Services, fake_consul: FakeConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "FRESH_S", -1.0)
    far = await services.start(fake_consul, busy(0), dc="dc2")
    assert await chosen(manager) == str(far)
    near = await services.start(fake_consul, busy(9))
    assert await chosen(manager) == str(near)
    assert await chosen(manager, "service=output&dc=dc2") == str(far)


@pytest.mark.parametrize(
    ("query", "status"),
    [("service=output", "503"), ("service=output&dc=dc9", "503"), ("", "400"), ("service=a%20b", "400"),
     ("service=output&dc=a%20b", "400")],
)  # fmt: skip
async def test_where_nothing_is_known_it_says_so(manager: Client, query: str, status: str) -> None:
    assert await chosen(manager, query) == status


async def test_who_names_no_service_is_told_how(manager: Client) -> None:
    answer = await (await manager.get("/broker")).json()
    assert answer["detail"] == "say which service: /broker?service=NAME, as Consul lists it"


async def test_who_has_no_port_is_named_to_nobody(manager: Client, fake_consul: FakeConsul) -> None:
    fake_consul.add_instance("output", "127.0.0.1", 0)
    assert await chosen(manager) == "503"


async def test_only_so_many_services_are_remembered(manager: Client) -> None:
    for number in range(looking.MAX_SERVICES + 5):
        assert await chosen(manager, f"service=s{number}") == "503"
    broker = manager.server.app[handlers.BROKER]  # type: ignore[attr-defined]
    assert len(broker._looks) == looking.MAX_SERVICES
