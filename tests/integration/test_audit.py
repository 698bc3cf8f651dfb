"""The audit over a real Consul and real outputs: what a lost disk held is found, a store that is away is waited for."""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from engine_processes import LOOPBACK, Child, ConsulAgent, free_ports
from hoploom.input_service.audit import Audit
from hoploom.input_service.stores import STORES
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.kit.membership import Mesh
from hoploom.targets.ranges import Range
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack
from hoploom.wire.campaign import Campaign, FamilySet
from hoploom.wire.probe import Probe
from unit.wire.batches import make
from waiting import eventually

ROWS = 1000
HEADERS = {"Authorization": "Bearer secret", "Content-Type": MEDIA_TYPE_ZSTD}
LONG_S = 3600.0


@dataclass
class Output:
    """One output instance with a store of its own."""

    folder: Path
    consul: str
    port: int = 0
    child: Child | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "token").write_text("secret")
        self.port = free_ports(1)[0]
        flags = [f"--port={self.port}", f"--db-dir={self.folder / 'db'}", f"--consul-addr={self.consul}"]
        command = [sys.executable, "-m", "hoploom.output_service", *flags]
        self.child = Child([*command, f"--worker-token-file={self.folder / 'token'}"], self.folder / "log")
        self.child.start()

    def kill(self) -> None:
        if self.child:
            self.child.stop(kill=True)

    async def store(self, number: int) -> None:
        """Have it store the positions from `number * ROWS` on."""
        async with aiohttp.ClientSession() as session:
            url = f"http://{LOOPBACK}:{self.port}/results"
            async with session.post(url, data=pack(make(number, ROWS)), headers=HEADERS) as answer:
                assert answer.status == 200


@pytest.fixture(scope="module")
def agent(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulAgent]:
    made = ConsulAgent(engine_paths["consul"], tmp_path_factory.mktemp("consul"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
async def mesh(agent: ConsulAgent) -> AsyncIterator[Mesh]:
    made = Mesh("input")
    made.consul = ConsulApi(agent.url)
    yield made
    await made.consul.kv_delete(STORES, recurse=True)
    await made.close()


@pytest.fixture
async def outputs(agent: ConsulAgent, mesh: Mesh, tmp_path: Path) -> AsyncIterator[list[Output]]:
    """Two outputs, passing and listed."""
    made = [Output(tmp_path / name, agent.url) for name in ("one", "two")]
    try:
        for each in made:
            each.start()
        await passing(mesh, *made)
        await eventually("both stores are listed", lambda: stores(mesh, 2), 20)
        yield made
    finally:
        for each in made:
            each.kill()


async def passing(mesh: Mesh, *outputs: Output) -> None:
    """Wait until just these outputs pass."""

    async def just_these() -> bool:
        _, found = await mesh.consul.instances("output")
        return {each.port for each in found} == {each.port for each in outputs}

    await eventually("the outputs pass", just_these, 30)


async def stores(mesh: Mesh, count: int) -> bool:
    return len(await mesh.consul.kv_list(STORES)) == count


async def lacking(audit: Audit) -> list[Range]:
    """What the audit says of the first 4,000 positions, all done."""
    first = make()
    campaign = Campaign(
        id=first.campaign,
        number=first.campaign_number,
        measurement=first.measurement,
        name=first.campaign,
        sets={4: FamilySet(sha256=first.revision, size=10**6)},
        rate_pps=100,
        allow_private=False,
        contact="",
        probe=Probe(),
        content_sha256="cd" * 32,
        created_at_us=0,
    )
    return await audit.missing(campaign, first.round, first.group, first.family, [(0, 4 * ROWS - 1)])


async def test_rows_of_two_outputs_count_together_and_a_gap_is_found(mesh: Mesh, outputs: list[Output]) -> None:
    audit = Audit(mesh, LONG_S)
    for number in (0, 1, 3):
        await outputs[number % 2].store(number)
    assert await lacking(audit) == [(2 * ROWS, 3 * ROWS - 1)]
    await outputs[0].store(2)
    assert await lacking(audit) == []


async def test_a_store_that_is_away_is_waited_for_and_counts_again_when_it_is_back(
    mesh: Mesh, outputs: list[Output]
) -> None:
    audit = Audit(mesh, LONG_S)
    for number in range(4):
        await outputs[number % 2].store(number)
    outputs[0].kill()
    # Consul lists it still, and it does not answer, or it is away already.
    with pytest.raises(Unavailable, match=r"does not answer|is away"):
        await lacking(audit)
    await passing(mesh, outputs[1])
    with pytest.raises(Unavailable, match="is away"):
        await lacking(audit)
    outputs[0].start()
    await passing(mesh, *outputs)
    assert await lacking(audit) == []


async def test_what_a_lost_disk_held_is_missing_when_the_patience_is_over(mesh: Mesh, outputs: list[Output]) -> None:
    patient, hasty = Audit(mesh, LONG_S), Audit(mesh, 0.0)
    for number in range(4):
        await outputs[number % 2].store(number)
    outputs[0].kill()
    await passing(mesh, outputs[1])
    shutil.rmtree(outputs[0].folder / "db")
    outputs[0].start()
    await passing(mesh, *outputs)
    await eventually("the new store is listed", lambda: stores(mesh, 3), 20)
    with pytest.raises(Unavailable, match="is away"):
        await lacking(patient)
    with pytest.raises(Unavailable):
        # Its patience begins now.
        await lacking(hasty)
    assert await lacking(hasty) == [(0, ROWS - 1), (2 * ROWS, 3 * ROWS - 1)]
    assert await stores(mesh, 2)
