"""Self-registration: what is written at the agent, and that it stays there."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import pytest

from hoploom.kit import registration
from hoploom.kit.errors import NotReady
from hoploom.kit.fake_consul import FakeConsul
from hoploom.kit.membership import Mesh
from hoploom.kit.ports import Port, read
from hoploom.kit.settings import Settings
from hoploom.kit.tags import parse


class Agent(FakeConsul):
    """A fake that tells when something was registered or renewed."""

    def __init__(self) -> None:
        super().__init__()
        self.registered, self.renewed = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.refused = asyncio.Semaphore(0)

    async def service(self, service_id: str) -> dict[str, Any] | None:
        if self.away:
            self.refused.release()
        return await super().service(service_id)

    async def register(self, service: Mapping[str, Any]) -> None:
        await super().register(service)
        self.registered.release()

    async def heartbeat(self, check_id: str, status: str, output: str) -> None:
        await super().heartbeat(check_id, status, output)
        self.renewed.release()


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Agent:
    monkeypatch.setattr(registration, "LOOK_EVERY_S", 0.0)
    return Agent()


def a_mesh(agent: FakeConsul | None = None, *, inbound: bool = True, host: str = "127.0.0.1") -> Mesh:
    mesh = Mesh("orders", (parse("urlprefix-/orders strip=/orders"),), inbound=inbound)
    mesh.settings = Settings(host=host, version_tag="1.4.1", dc="dc2", check_interval_s=0.5)
    mesh.port, mesh.booted_at_us = 8080, 7
    mesh.instance_id = "orders-1"
    if agent:
        mesh.consul = agent
    return mesh


def test_the_record_of_an_instance_that_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOMAD_ALLOC_ID", raising=False)
    assert registration.record(a_mesh()) == {
        "ID": "orders-1",
        "Name": "orders",
        "Address": "127.0.0.1",
        "Port": 8080,
        "Tags": ["urlprefix-/orders strip=/orders", "1.4.1"],
        "Meta": {"version": "1.4.1", "booted_at_us": "7", "dc": "dc2"},
        "Checks": [
            {
                "CheckID": "orders-1:alive",
                "Name": "alive",
                "HTTP": "http://127.0.0.1:8080/health?instance=orders-1",
                "Interval": "0.5s",
                "Timeout": "5s",
                "DeregisterCriticalServiceAfter": "1m",
            },
            {
                "CheckID": "orders-1:ready",
                "Name": "ready",
                "HTTP": "http://127.0.0.1:8080/ready?instance=orders-1",
                "Interval": "0.5s",
                "Timeout": "5s",
                "DeregisterCriticalServiceAfter": "1m",
            },
        ],
    }


def test_an_instance_that_nobody_can_reach_sends_heartbeats() -> None:
    assert registration.record(a_mesh(inbound=False))["Checks"] == [
        {"CheckID": "orders-1:alive", "Name": "heartbeat", "TTL": "15s", "DeregisterCriticalServiceAfter": "1m"}
    ]


def test_ipv6_addresses_are_bracketed_in_checks_only() -> None:
    found = registration.record(a_mesh(host="::1"))
    assert found["Address"] == "::1"
    assert found["Checks"][0]["HTTP"] == "http://[::1]:8080/health?instance=orders-1"


async def test_what_the_agent_has_lost_is_registered_again(agent: Agent) -> None:
    keeper = asyncio.create_task(registration.keep(a_mesh(agent)))
    await agent.registered.acquire()
    await agent.deregister("orders-1")
    await agent.registered.acquire()
    assert await agent.service("orders-1")
    keeper.cancel()


async def test_what_is_registered_is_left_alone(agent: Agent) -> None:
    mesh = a_mesh(agent, inbound=False)
    keeper = asyncio.create_task(registration.keep(mesh))
    for _ in range(5):
        await agent.renewed.acquire()
    keeper.cancel()
    assert agent.registered._value == 1, "registered once in five looks"


async def test_an_outage_is_survived_and_said_once(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    agent.away = True
    keeper = asyncio.create_task(registration.keep(a_mesh(agent)))
    for _ in range(3):
        await agent.refused.acquire()
    agent.away = False
    await agent.registered.acquire()
    keeper.cancel()
    said = [record.getMessage() for record in caplog.records if "without Consul" in record.getMessage()]
    assert len(said) == 1


@pytest.mark.parametrize(("good", "vouched"), [(True, True), (False, False)])
async def test_after_an_outage_an_instance_that_serves_vouches_for_its_checks(
    agent: Agent, good: bool, vouched: bool
) -> None:
    async def store_is_open() -> None:
        if not good:
            raise NotReady("the store is closed")

    mesh = a_mesh(agent)
    mesh.ready = (store_is_open,)
    keeper = asyncio.create_task(registration.keep(mesh))
    await agent.registered.acquire()
    assert not any("Status" in check for check in agent._records[mesh.id]["Checks"]), "never passing at first"
    agent.away = True
    await agent.refused.acquire()
    agent.away = False
    await agent.registered.acquire()
    keeper.cancel()
    assert all((check.get("Status") == "passing") is vouched for check in agent._records[mesh.id]["Checks"])
    [instance] = (await agent.instances("orders", passing=False))[1]
    assert instance.status == ("passing" if vouched else "critical"), "a known check would keep its status"


@pytest.mark.parametrize(("good", "status"), [(True, "passing"), (False, "warning")])
async def test_a_heartbeat_carries_readiness_in_words(agent: Agent, good: bool, status: str) -> None:
    async def spool_has_room() -> None:
        if not good:
            raise NotReady("the spool is full")

    mesh = a_mesh(agent, inbound=False)
    mesh.ready = (spool_has_room,)
    keeper = asyncio.create_task(registration.keep(mesh))
    await agent.renewed.acquire()
    keeper.cancel()
    _, [instance] = await agent.instances("orders", passing=False)
    assert instance.status == status
    assert ("the spool is full" in instance.checks[0].output) is not good


async def test_a_good_look_is_remembered(agent: Agent) -> None:
    mesh = a_mesh(agent, inbound=False)
    keeper = asyncio.create_task(registration.keep(mesh))
    await agent.renewed.acquire()
    await agent.renewed.acquire()
    keeper.cancel()
    assert mesh.consul_note() == ""


def with_grpc(mesh: Mesh) -> Mesh:
    [mesh.further] = [read("orders", [Port("grpc", lambda *_: contextlib.nullcontext(1), ["/x.Orders proto=grpc"])])]
    mesh.further[0].number = 9091
    return mesh


def test_the_record_of_a_further_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOMAD_ALLOC_ID", raising=False)
    mesh = with_grpc(a_mesh(host="::1"))
    timing = {"Interval": "0.5s", "DeregisterCriticalServiceAfter": "1m"}
    assert registration.record_of(mesh, mesh.further[0]) == {
        "ID": "orders-1-grpc",
        "Name": "orders-grpc",
        "Address": "::1",
        "Port": 9091,
        "Tags": ["urlprefix-/x.Orders proto=grpc", "1.4.1"],
        "Meta": {"beside": "orders-1", "version": "1.4.1", "dc": "dc2"},
        "Checks": [
            {"CheckID": "orders-1-grpc:listens", "Name": "listens", "TCP": "[::1]:9091", "Timeout": "2s", **timing},
            {
                "CheckID": "orders-1-grpc:ready",
                "Name": "ready",
                "HTTP": "http://[::1]:8080/ready?instance=orders-1",
                "Timeout": "5s",
                **timing,
            },
        ],
    }


async def test_a_further_port_stays_registered_too(agent: Agent) -> None:
    mesh = with_grpc(a_mesh(agent))
    keeper = asyncio.create_task(registration.keep(mesh))
    for _ in mesh.ids:
        await agent.registered.acquire()
    assert (await agent.instances("orders-grpc", passing=False))[1][0].port == 9091
    await agent.deregister("orders-1-grpc")
    await agent.registered.acquire()
    assert await agent.service("orders-1-grpc") is not None
    keeper.cancel()
    await asyncio.wait({keeper})
