"""Hops over a real Consul, two real inputs and a real output: each once, also when the owner of its slot dies."""

import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine_processes import LOOPBACK, Child, ConsulAgent, free_ports
from hoploom.input_service import keys
from hoploom.input_service.sets import Sets
from hoploom.kit.consul_api import ConsulApi
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack
from hoploom.wire.campaign import Campaign
from hoploom.wire.hops import by_slot, parsed
from unit.wire.traces import one_hop_each, traced
from waiting import eventually

TOKEN = {"Authorization": "Bearer secret"}
CAMPAIGN: dict[str, Any] = {
    "v": 1,
    "id": "demo",
    "blocks": ["9.9.9.0/28"],
    "per_prefix": "24:all",
    "contact": "noc@example.org",
}
HOPS = [f"8.8.{number // 250}.{number % 250}" for number in range(600)]
HOLD_S = 3


@dataclass
class Service:
    """One instance as its own process."""

    name: str
    folder: Path
    consul: str
    flags: tuple[str, ...] = ()
    port: int = 0
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        token = self.folder / "token"
        token.write_text("secret")
        self.port = free_ports(1)[0]
        flags = [f"--port={self.port}", f"--consul-addr={self.consul}", f"--worker-token-file={token}", *self.flags]
        self.child = Child([sys.executable, "-m", f"hoploom.{self.name}_service", *flags], self.folder / "log")
        self.child.start()

    def kill(self) -> None:
        if self.child:
            self.child.stop(kill=True)


@dataclass
class Mesh:
    """The whole of it."""

    consul: ConsulApi
    inputs: list[Service]
    output: Service
    http: aiohttp.ClientSession

    async def report(self, hops: list[str], to: Service) -> Counter[str]:
        """Post a report as the outputs do: again while nobody can say."""
        body = {"v": 1, "worker": "pi-7", "campaign": "demo", "hops": hops}

        async def answered() -> dict[str, int] | None:
            async with self.http.post(f"{to.url}/hops", json=body, headers=TOKEN) as answer:
                assert answer.status in (200, 503), await answer.text()
                return await answer.json() if answer.status == 200 else None

        found = await eventually("the report is taken", answered, 30)
        return Counter({name: count for name, count in found.items() if name != "v" and count})

    async def targets(self) -> Counter[str]:
        """How often each hop is a target by now."""
        found: Counter[str] = Counter()
        for entry in await self.consul.kv_list(keys.CAMPAIGNS):
            campaign = Campaign.from_json(json.loads(entry.value))
            if campaign.parent == "demo":
                whole = await Sets(self.consul).addresses(campaign.sets[4].sha256)
                found.update(whole.text(index) for index in range(whole.n))
        return found

    async def owned_by(self, *owners: Service) -> None:
        """Wait until just these own all slots."""

        async def all_owned() -> bool:
            async with self.http.get(f"{owners[-1].url}/api/v1/slots") as answer:
                rows = (await answer.json())["slots"]
            return len(rows) == 64 and {row["url"] for row in rows} == {each.url for each in owners}

        await eventually("all slots are owned", all_owned, 30)

    async def owner_of(self, hop: str) -> Service:
        async with self.http.get(f"{self.inputs[0].url}/api/v1/slots") as answer:
            rows = (await answer.json())["slots"]
        slot = next(iter(by_slot(parsed([hop]))))
        url = next(row["url"] for row in rows if row["slot"] == slot)
        return next(each for each in self.inputs if each.url == url)

    async def store(self, hops: list[str]) -> None:
        """Have the output hold traceroutes with these hops."""
        batch = traced(0, campaign="demo", campaign_number=2_000_000_000, stop=len(hops), columns=one_hop_each(hops))
        headers = {**TOKEN, "Content-Type": MEDIA_TYPE_ZSTD}
        async with self.http.post(f"{self.output.url}/results", data=pack(batch), headers=headers) as answer:
            assert answer.status == 200, await answer.text()


@pytest.fixture
def agent(engine_paths: dict[str, Path], tmp_path: Path) -> Iterator[ConsulAgent]:
    made = ConsulAgent(engine_paths["consul"], tmp_path / "consul")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def mesh(agent: ConsulAgent, tmp_path: Path) -> AsyncIterator[Mesh]:
    """Two inputs that own all slots, an output, and the campaign."""
    (tmp_path / "operator").write_text("secret")
    flags = (f"--hops-hold-s={HOLD_S}", f"--operator-token-file={tmp_path / 'operator'}")
    inputs = [Service("input", tmp_path / f"input-{number}", agent.url, flags) for number in range(2)]
    output = Service("output", tmp_path / "output", agent.url, (f"--db-dir={tmp_path / 'output' / 'db'}",))
    consul = ConsulApi(agent.url)
    async with aiohttp.ClientSession() as http:
        made = Mesh(consul, inputs, output, http)
        try:
            for each in (output, *inputs):
                each.start()
            await eventually("all pass", lambda: _passing(consul, inputs, output), 30)
            await made.owned_by(*inputs)
            async with http.post(f"{inputs[0].url}/api/v1/campaigns", json=CAMPAIGN, headers=TOKEN) as answer:
                assert answer.status == 201, await answer.text()
            yield made
        finally:
            for each in (*inputs, output):
                each.kill()
            await consul.close()


async def _passing(consul: ConsulApi, inputs: list[Service], output: Service) -> bool:
    ports = {each.port for name in ("input", "output") for each in (await consul.instances(name))[1]}
    return ports == {each.port for each in (*inputs, output)}


async def test_a_hop_is_one_target_though_it_comes_twice_and_its_owner_dies(mesh: Mesh) -> None:
    one, two = mesh.inputs
    made, waiting = HOPS[:300], HOPS[300:]
    # In every slot, and never probed: answered when all owners know their slots.
    assert await mesh.report([f"10.0.0.{number}" for number in range(250)], one) == {"special": 250}
    await mesh.store(HOPS)
    assert await mesh.report([*made, "9.9.9.1", "10.0.0.1"], one) == {"new": 300, "in_set": 1, "special": 1}
    assert await mesh.report(made, two) == {"known": 300}

    async def all_made() -> bool:
        return len(await mesh.targets()) == len(made)

    await eventually("they are targets", all_made, 20)
    assert set((await mesh.targets()).values()) == {1}
    # These wait in memory when the owner of half of them dies.
    assert await mesh.report(waiting, two) == {"new": 300}
    victim = await mesh.owner_of(waiting[0])
    victim.kill()
    assert len(await mesh.targets()) == len(made)
    mesh.inputs = [each for each in mesh.inputs if each is not victim]
    (alive,) = mesh.inputs
    await mesh.owned_by(alive)
    assert await mesh.report(HOPS, alive) == {"known": 600}

    async def all_targets() -> bool:
        return set(await mesh.targets()) == set(HOPS)

    await eventually("the others are targets too", all_targets, 20)
    assert await mesh.report(HOPS, alive) == {"known": 600}
    assert set((await mesh.targets()).values()) == {1}
