"""Input instances over a real Consul: what the fake cannot show (its compare-and-set under load, a restart)."""

import asyncio
import contextlib
import itertools
import socket
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hoploom import engines
from hoploom.input_service.desk import Desk
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.wire.lease import LeaseDone
from unit.input_service.instances import Instance, campaign_request, lease_request
from waiting import until

PORTS = ("http", "server", "serf-lan", "grpc", "dns")


@dataclass
class Agent:
    """A Consul server of the test's own, alone, on disk and on loopback."""

    binary: Path
    folder: Path
    ports: dict[str, int]
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its HTTP address."""
        return f"http://127.0.0.1:{self.ports['http']}"

    def start(self) -> None:
        """Start it and wait for its leader."""
        words = [f"-{name}-port={port}" for name, port in self.ports.items()]
        fixed = ["-server", "-bootstrap-expect=1", "-bind=127.0.0.1", "-client=127.0.0.1", "-log-level=error"]
        settings = self.folder / "agent.hcl"
        settings.write_text("ports { serf_wan = -1, grpc_tls = -1 }\nperformance { raft_multiplier = 1 }\n")
        command = [str(self.binary), "agent", *fixed, *words, f"-data-dir={self.folder}", f"-config-file={settings}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until("Consul has a leader", lambda: asyncio.run(self._leader()), 30)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    async def _leader(self) -> str:
        consul = ConsulApi(self.url)
        try:
            await consul.kv_put("test/ready", b"1")
            return await consul.leader()
        except Unavailable:
            return ""
        finally:
            await consul.close()


def free_ports() -> dict[str, int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in PORTS]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(PORTS, sockets, strict=True)}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    binary = engines.ensure(["consul"], report=print)["consul"].path
    agent = Agent(binary, tmp_path, free_ports())
    try:
        agent.start()
        yield agent
    finally:
        agent.kill()


@contextlib.asynccontextmanager
async def three(agent: Agent) -> AsyncIterator[list[Instance]]:
    """Three instances, each with connections of its own."""
    consuls = [ConsulApi(agent.url) for _ in range(3)]
    try:
        yield [Instance.over(consul) for consul in consuls]
    finally:
        for consul in consuls:
            await consul.close()


async def work(desks: "itertools.cycle[Desk]", worker: str, seen: Counter[int]) -> None:
    while lease := await next(desks).lease(lease_request(worker), limit=300):
        seen.update(range(lease.start, lease.stop))
        await next(desks).done(lease.id, LeaseDone(worker=worker, campaign=lease.campaign, group=lease.group))


async def test_workers_at_three_instances_do_every_position_exactly_once(agent: Agent) -> None:
    async with three(agent) as instances:
        await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/18"]))
        seen: Counter[int] = Counter()
        desks = itertools.cycle([each.desk for each in instances])
        await asyncio.gather(*(work(desks, f"w{number}", seen) for number in range(12)))
        assert len(seen) == 16_384 and set(seen.values()) == {1}
        record, _ = (await instances[1].journal.groups("demo"))["all"]
        assert (record.done, record.reissued, record.finished) == (16_384, 0, True)


async def test_one_campaign_comes_of_three_requests_at_once(agent: Agent) -> None:
    async with three(agent) as instances:
        made = await asyncio.gather(*(each.campaigns.create(campaign_request()) for each in instances))
        assert len({campaign.number for campaign, _ in made}) == 1
        assert sorted(new for _, new in made) == [False, False, True]


def test_nothing_is_lost_when_consul_is_killed_and_every_instance_is_new(agent: Agent) -> None:
    async def before() -> tuple[str, int]:
        async with three(agent) as instances:
            await instances[0].campaigns.create(campaign_request())
            done, held = [await each.desk.lease(lease_request("w1"), limit=300) for each in instances[:2]]
            assert done is not None and held is not None
            await instances[2].desk.done(done.id, LeaseDone(worker="w1", campaign="demo", group="all"))
            return held.id, held.worker_number

    async def after(held: str, worker_number: int) -> None:
        async with three(agent) as instances:
            await instances[0].desk.done(held, LeaseDone(worker="w1", campaign="demo", group="all"))
            following = await instances[1].desk.lease(lease_request("w1"), limit=300)
            assert following is not None
            assert (following.start, following.worker_number) == (600, worker_number)
            record, _ = (await instances[2].journal.groups("demo"))["all"]
            assert (record.done, record.reissued) == (600, 0)

    known = asyncio.run(before())
    agent.kill()
    agent.start()
    asyncio.run(after(*known))
