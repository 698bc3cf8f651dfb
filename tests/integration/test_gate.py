"""The gate of a deploy beside a real Consul, two real Fabios and instances that fail, or are killed, under load."""

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine_processes import LOOPBACK, Child, ConsulAgent, FabioRouter, free_ports
from hoploom.deploying.gate import Look, Policy, Verdict, Watcher, judge
from hoploom.kit import fabio_api
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.http_client import HttpClient
from load import Load
from waiting import eventually, until

SERVICE = Path(__file__).parent.parent / "orders_service.py"
PER_S = 100.0


@dataclass
class Mesh:
    """The engines, and the instances that a test has started, by `address:port`."""

    consul: ConsulAgent
    fabios: list[FabioRouter]
    folder: Path
    children: dict[str, Child] = field(default_factory=dict)

    def start(self, fail_every: int = 0) -> str:
        """Start an instance that fails every so many requests; it is routed when this returns."""
        [port] = free_ports(1)
        command = [sys.executable, str(SERVICE), "--port", str(port), "--consul-addr", self.consul.url]
        child = Child(["env", f"ORDERS_FAIL_EVERY={fail_every}", *command], self.folder / f"{port}.log")
        child.start()
        self.children[f"{LOOPBACK}:{port}"] = child
        until("both Fabios list it", lambda: self.listing(f"{LOOPBACK}:{port}") == len(self.fabios), 30)
        return f"{LOOPBACK}:{port}"

    def listing(self, target: str) -> int:
        """How many Fabios send it requests."""
        return sum(target in each.targets("orders") for each in self.fabios)

    def load(self) -> Load:
        """Requests by both Fabios."""
        return Load([(method, f"{each.url}/orders", {}) for each in self.fabios for method in ("GET", "POST")], PER_S)


@pytest.fixture
def mesh(engines_up: tuple[ConsulAgent, list[FabioRouter]], tmp_path: Path) -> Iterator[Mesh]:
    mesh = Mesh(*engines_up, tmp_path)
    try:
        yield mesh
    finally:
        for child in mesh.children.values():
            child.stop()


@pytest.fixture
async def reach(mesh: Mesh) -> AsyncIterator[tuple[ConsulApi, HttpClient]]:
    consul, http = ConsulApi(mesh.consul.url), HttpClient()
    yield consul, http
    await consul.close()
    await http.close()


async def watching(consul: ConsulApi, http: HttpClient) -> Watcher:
    _, routers = await consul.instances(fabio_api.SERVICE)
    _, instances = await consul.instances("orders")
    return Watcher(http, fabio_api.routers(routers), instances)


async def until_enough(watcher: Watcher, since: Look, new: str, old: str, requests: int) -> Verdict:
    async def seen() -> Verdict | None:
        verdict = judge(since, await watcher.look(), {new}, {old}, Policy())
        return verdict if verdict.new.requests >= requests else None

    return await eventually(f"{requests} requests to the new version", seen, 30)


async def test_every_request_and_every_failure_is_counted_for_its_version(
    mesh: Mesh, reach: tuple[ConsulApi, HttpClient]
) -> None:
    old, new = mesh.start(), mesh.start(fail_every=10)
    watcher = await watching(*reach)
    since = await watcher.look()
    with mesh.load() as load:
        await until_enough(watcher, since, new, old, 120)
    verdict = judge(since, await watcher.look(), {new}, {old}, Policy())
    sent, failed = load.result.statuses.total(), load.result.statuses[500]
    assert (verdict.new.requests + verdict.old.requests, verdict.new.errors, verdict.old.errors) == (sent, failed, 0)
    assert not verdict.ok
    assert "failed (5xx)" in verdict.why
    # The handler takes 20 ms.
    assert 20 <= (verdict.new.p99_ms or 0) < 3_000


async def test_what_a_killed_instance_never_had_counts_against_its_version(
    mesh: Mesh, reach: tuple[ConsulApi, HttpClient]
) -> None:
    old, new = mesh.start(), mesh.start()
    watcher = await watching(*reach)
    since = await watcher.look()
    with mesh.load() as load:
        await until_enough(watcher, since, new, old, 40)
        mesh.children[new].stop(kill=True)
        until("both Fabios let go of it", lambda: not mesh.listing(new), 30)
    verdict = judge(since, await watcher.look(), {new}, {old}, Policy())
    unanswered = load.result.statuses[502] + load.result.statuses[504] + load.result.statuses[500]
    # What is usual at these Fabios, where another test had instances that failed, is not charged.
    assert 0.5 * unanswered <= verdict.new.errors <= unanswered
    assert (verdict.old.errors, verdict.ok) == (0, False), verdict


async def test_a_service_that_is_not_on_the_kit_is_judged_by_the_routers_alone(
    mesh: Mesh, reach: tuple[ConsulApi, HttpClient]
) -> None:
    for each in mesh.fabios:
        # What they have seen before is what is usual.
        each.stop()
        each.start()
    old, new = mesh.start(), mesh.start(fail_every=10)
    watcher = await watching(*reach)
    watcher.instances = tuple(_stranger(each) for each in watcher.instances)
    since = await watcher.look()
    with mesh.load() as load:
        await until_enough(watcher, since, new, old, 120)
    verdict = judge(since, await watcher.look(), {new}, {old}, Policy())
    assert (verdict.ok, verdict.old.errors) == (False, 0), verdict
    assert verdict.new.requests + verdict.old.requests == load.result.statuses.total()
    assert verdict.new.errors == load.result.statuses[500]


def _stranger(instance: Instance) -> Instance:
    return Instance(instance.id, instance.service, instance.address, instance.port)
