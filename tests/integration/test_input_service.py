"""Input instances over a real Consul: what the fake cannot show (its compare-and-set under load, a restart)."""

import asyncio
import contextlib
import itertools
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine_processes import free_ports
from hoploom import engines
from hoploom.input_service import keys
from hoploom.input_service.desk import Desk
from hoploom.input_service.expiry import DAY_S, Group, grouped, removals
from hoploom.input_service.sweeping import ROLE, Sweeping
from hoploom.input_service.work import Wanted
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.wire.lease import Lease, LeaseDone
from unit.input_service.instances import Instance, all_settled, campaign_request, lease_request, running
from waiting import eventually, until

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
            self.process.wait(60)

    async def _leader(self) -> str:
        consul = ConsulApi(self.url)
        try:
            await consul.kv_put("test/ready", b"1")
            return await consul.leader()
        except Unavailable:
            return ""
        finally:
            await consul.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    binary = engines.ensure(["consul"], report=print)["consul"].path
    agent = Agent(binary, tmp_path, dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    try:
        agent.start()
        yield agent
    finally:
        agent.kill()


@contextlib.asynccontextmanager
async def three(agent: Agent) -> AsyncIterator[list[Instance]]:
    """Three instances, each with connections and an alive check of its own."""
    consuls = [ConsulApi(agent.url) for _ in range(3)]
    try:
        async with running(consuls) as instances:
            yield instances
    finally:
        for consul in consuls:
            await consul.close()


def done_of(lease: Lease, worker: str) -> LeaseDone:
    return LeaseDone(worker=worker, campaign=lease.campaign, group=lease.group, token=lease.token)


async def work(desks: "itertools.cycle[Desk]", worker: str, seen: Counter[int]) -> None:
    while lease := await next(desks).lease(Wanted(request=lease_request(worker), limit=300)):
        seen.update(range(lease.start, lease.stop))
        await next(desks).said(lease.id, done_of(lease, worker), relayed=False)


async def progress(instance: Instance) -> dict[str, Any]:
    return (await instance.progress.groups(await instance.campaigns.get("demo")))["all"]


async def test_workers_at_three_instances_do_every_position_exactly_once(agent: Agent) -> None:
    async with three(agent) as instances:
        await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/18"]))
        seen: Counter[int] = Counter()
        desks = itertools.cycle([each.desk for each in instances])
        await asyncio.gather(*(work(desks, f"w{number}", seen) for number in range(12)))
        assert len(seen) == 16_384 and set(seen.values()) == {1}

        async def finished() -> bool:
            return bool((await progress(instances[1]))["finished"])

        await eventually("the campaign is finished", finished)
        found = await progress(instances[1])
        assert (found["done"], found["reissued"]) == (16_384, 0)


async def test_a_silent_group_is_removed_by_the_leader_and_a_changed_one_is_not(agent: Agent) -> None:
    async with three(agent) as instances:
        consul = instances[0].mesh.consul
        await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/18"]))
        for group in ("gone", "back"):
            for number in range(4):
                request = lease_request(f"w{number}", group=group)
                lease = await instances[0].desk.lease(Wanted(request=request, limit=300))
                assert lease is not None
                await instances[0].desk.said(lease.id, done_of(lease, request.worker), relayed=False)
        found = grouped([(each.key, each.modify_index) for each in await consul.kv_list(keys.GROUPS)])
        async with instances[1].mesh.leading(ROLE) as term:
            sweeping = Sweeping(consul, DAY_S)
            await sweeping.look(term, 0.0)
            lease = await instances[2].desk.lease(Wanted(request=lease_request("w0", group="back"), limit=300))
            assert lease is not None
            (refused,) = removals(Group("demo", 1, "back"), found[Group("demo", 1, "back")])
            with pytest.raises(Unavailable, match="a compare failed"):
                await term.write(refused)
            await sweeping.look(term, DAY_S)
        left = grouped([(each.key, each.modify_index) for each in await consul.kv_list(keys.GROUPS)])
        assert set(left) == {Group("demo", 1, "back")}


async def test_one_campaign_comes_of_three_requests_at_once(agent: Agent) -> None:
    async with three(agent) as instances:
        made = await asyncio.gather(*(each.campaigns.create(campaign_request()) for each in instances))
        assert len({campaign.number for campaign, _ in made}) == 1
        assert sorted(new for _, new in made) == [False, False, True]


def test_nothing_is_lost_when_consul_is_killed_and_every_instance_is_new(agent: Agent) -> None:
    async def before() -> tuple[Lease, Lease]:
        async with three(agent) as instances:
            await instances[0].campaigns.create(campaign_request())
            found = [
                await each.desk.lease(Wanted(request=lease_request("w1"), limit=300)) for each in instances[:2]
            ]
            done, held = found
            assert done is not None and held is not None
            await instances[2].desk.said(done.id, done_of(done, "w1"), relayed=False)
            return done, held

    async def after(held: Lease) -> None:
        async with three(agent) as instances:
            await instances[0].desk.said(held.id, done_of(held, "w1"), relayed=False)
            following = await instances[1].desk.lease(Wanted(request=lease_request("w1"), limit=300))
            assert following is not None
            assert (following.start, following.worker_number) == (600, held.worker_number)
            found = await progress(instances[2])
            assert (found["done"], found["reissued"]) == (600, 0)

    _, held = asyncio.run(before())
    agent.kill()
    agent.start()
    asyncio.run(after(held))


async def test_a_killed_owner_s_shards_are_served_by_the_others_with_its_leases(agent: Agent) -> None:
    async with three(agent) as instances:
        await instances[0].campaigns.create(campaign_request(blocks=["127.0.0.0/14"]))
        held = []
        for number in range(9):
            lease = await instances[number % 3].desk.lease(Wanted(request=lease_request(f"w{number}"), limit=300))
            assert lease is not None
            held.append(lease)
        await instances[0].kill()
        await all_settled(instances[1:])
        for number, lease in enumerate(held):
            await instances[1 + number % 2].desk.said(lease.id, done_of(lease, f"w{number}"), relayed=False)
        found = await progress(instances[1])
        assert (found["done"], found["outstanding"], found["reissued"]) == (2700, 0, 0)
