"""Real outputs, a real Consul and the real `hoploom collect`, killed at random points: every row is there once."""

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine_processes import ConsulAgent, ask, free_ports
from lab.made_batches import made
from lab.output_process import Output
from lab.result_ledger import account_file
from waiting import pause, until

KILLS = 4
SEED = 15_116
COLLECT = [sys.executable, "-m", "hoploom.cli"]
CURSOR_BEFORE_ROWS = """
import os, signal, sys
from hoploom.cli.main import main
from hoploom.results.data_set import DataSet
def hasty(self, path, since=None):
    self._connection.execute("ATTACH ? AS seen", (str(path),))
    self._connection.execute("INSERT OR REPLACE INTO cursors SELECT store, max(seq) FROM seen.batches")
    os.kill(os.getpid(), signal.SIGKILL)
DataSet.take = hasty
sys.exit(main())
"""


@dataclass
class Mesh:
    """Two outputs, their Consul, and a data set."""

    folder: Path
    consul: ConsulAgent
    outputs: list[Output] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    sealed: set[str] = field(default_factory=set)

    def start(self, *more: str) -> None:
        """Start the outputs, and wait until Consul knows them."""
        for name in "ab":
            self.add(name, self.consul, *more)
        with ThreadPoolExecutor() as together:
            list(together.map(Output.start, self.outputs))
        until("both outputs in Consul", lambda: self.known() >= {each.port for each in self.outputs}, 20)

    def add(self, name: str, consul: ConsulAgent, *more: str) -> Output:
        """One more output, not started."""
        (self.folder / name).mkdir()
        flags = [f"--consul-addr={consul.url}", "--rotate-bytes=60000", *more]
        self.outputs.append(Output(self.folder / name, more=flags))
        return self.outputs[-1]

    def known(self, dc: str = "dc1") -> set[int]:
        """Ports of the passing instances in a datacenter."""
        found = ask("GET", f"{self.consul.url}/v1/health/service/output?passing&dc={dc}") or []
        return {int(each["Service"]["Port"]) for each in found}

    def begin(self, *words: str, command: list[str] = COLLECT) -> "subprocess.Popen[str]":
        """Begin to collect."""
        flags = ["collect", "--once", "--json", "--data-set", str(self.folder / "set"), *words]
        environ = {
            **os.environ,
            "HOPLOOM_CONSUL_ADDR": self.consul.url,
            "HOPLOOM_WORKER_TOKEN_FILE": str(self.folder / "a" / "token"),
        }
        return subprocess.Popen(
            [*command, *flags], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def collect(self, *words: str) -> dict[str, Any]:
        """Collect everything; what is said of it."""
        process = self.begin(*words)
        printed, said = process.communicate(timeout=60)
        assert process.returncode == 0, f"{printed}\n{said}"
        found: dict[str, Any] = json.loads(printed)
        return found

    async def post(self, chosen: random.Random, count: int, kind: str = "") -> None:
        """Send batches to the outputs, of one kind or of both; every fourth to both outputs."""
        ids = (str(uuid.UUID(int=chosen.getrandbits(128), version=4)) for _ in itertools.count())
        batches = (batch for batch in map(made, ids) if kind in ("", batch.kind))
        async with aiohttp.ClientSession() as session:
            for number, batch in enumerate(itertools.islice(batches, count)):
                self.sealed.add(batch.batch)
                for output in self.outputs if number % 4 == 0 else [chosen.choice(self.outputs)]:
                    if await output.post(session, batch) == 200:
                        self.acknowledged.add(batch.batch)

    def wrong(self) -> list[str]:
        """What the data set lacks or has too much of."""
        found = account_file(self.folder / "set" / "merged.db", self.sealed, self.acknowledged, self.sealed)
        return [str(each) for each in found.findings(drained=True)]

    def files(self, output: Output) -> list[dict[str, Any]]:
        """An output's closed files."""
        found: list[dict[str, Any]] = ask("GET", f"{output.url}/dumps")["files"]
        return found


@pytest.fixture(scope="module")
def consul(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsulAgent]:
    agent = ConsulAgent(engine_paths["consul"], tmp_path_factory.mktemp("consul"))
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


@pytest.fixture
def mesh(consul: ConsulAgent, tmp_path: Path) -> Iterator[Mesh]:
    made_mesh = Mesh(tmp_path, consul)
    yield made_mesh
    for output in made_mesh.outputs:
        output.end()
    ask("DELETE", f"{consul.url}/v1/kv/hoploom?recurse")


async def test_kills_at_random_points_lose_and_double_nothing(mesh: Mesh) -> None:
    mesh.start()
    chosen = random.Random(SEED)
    for _ in range(KILLS):
        collecting = mesh.begin()
        await mesh.post(chosen, 12)
        await asyncio.to_thread(pause, chosen.uniform(0.0, 1.2))
        collecting.send_signal(signal.SIGKILL)
        collecting.communicate(timeout=60)
    found = await asyncio.to_thread(mesh.collect)
    assert mesh.wrong() == [], f"seed {SEED}"
    assert len(mesh.acknowledged) == len(mesh.sealed) == KILLS * 12
    assert sum(each["upto"] for each in found["stores"]) == KILLS * 15
    again = await asyncio.to_thread(mesh.collect)
    assert (again["whole"], sum(each["batches"] for each in again["stores"])) == (True, 0)


async def test_the_check_is_red_when_the_cursor_moves_before_the_rows(mesh: Mesh) -> None:
    mesh.start()
    await mesh.post(random.Random(SEED), 8)
    await asyncio.to_thread(mesh.begin(command=[sys.executable, "-c", CURSOR_BEFORE_ROWS]).communicate)
    await asyncio.to_thread(mesh.collect)
    assert any("lost" in problem for problem in mesh.wrong())


async def test_outputs_prune_what_was_confirmed_and_a_new_set_is_filled_with_the_rest(mesh: Mesh) -> None:
    mesh.start("--prune-confirmed-by=main")
    # Hops are told to the input service first, and there is none.
    await mesh.post(random.Random(SEED), 40, "ping")
    for output in mesh.outputs:
        until("a closed file", lambda: mesh.files(output), 20)  # noqa: B023 - called at once
    assert not any(file["pruned"] for output in mesh.outputs for file in mesh.files(output))
    lost = (await asyncio.to_thread(mesh.collect))["uuid"]
    assert mesh.wrong() == []
    for output in mesh.outputs:
        until("its files to go", lambda: all(file["pruned"] for file in mesh.files(output)), 20)  # noqa: B023
    await mesh.post(random.Random(SEED + 1), 4)
    assert (await asyncio.to_thread(mesh.collect))["whole"]
    assert mesh.wrong() == []
    refused = mesh.begin("--data-set", str(mesh.folder / "other"))
    assert f"--new-data-set={lost} gives that one up" in refused.communicate(timeout=60)[1]
    assert refused.returncode == 2
    found = await asyncio.to_thread(mesh.collect, "--data-set", str(mesh.folder / "other"), "--new-data-set", lost)
    assert sum(each["lost"] for each in found["stores"]) > 0


async def test_an_instance_that_collects_drains_in_time_and_another_goes_on(mesh: Mesh) -> None:
    mesh.start(f"--data-set={mesh.folder / 'set'}", "--collect-s=1")
    await mesh.post(random.Random(SEED), 4)

    def leader() -> int | None:
        pages = {each: ask("GET", f"{output.url}/api/v1/output/collector") or {} for each, output in
                 enumerate(mesh.outputs) if output.process}
        return next((each for each, page in pages.items() if page.get("whole")), None)

    first = until("one collects", lambda: (leader() or 0) + 1 if leader() is not None else 0, 20) - 1
    # Fails where it takes longer than Nomad would wait.
    await asyncio.to_thread(mesh.outputs[first].end)
    await asyncio.to_thread(mesh.outputs[first].start)
    until("the other collects", lambda: leader() == 1 - first, 20)
    assert mesh.wrong() == []


async def test_another_datacenter_is_collected_from_and_is_never_nothing_while_it_is_away(
    engine_paths: dict[str, Path], tmp_path: Path
) -> None:
    (wan,) = free_ports(1)
    near = ConsulAgent(engine_paths["consul"], tmp_path / "near", serf_wan=wan)
    joined: dict[str, Any] = {"datacenter": "dc2", "retry_join_wan": [f"127.0.0.1:{wan}"], "retry_interval_wan": "1s"}
    far = ConsulAgent(engine_paths["consul"], tmp_path / "far", serf_wan=free_ports(1)[0], **joined)
    mesh = Mesh(tmp_path, near)
    try:
        for agent in (near, far):
            await asyncio.to_thread(agent.start)
        # As on hosts: who collects has to say who it is, here and there.
        closed = "--open-reading=false"
        for each in (mesh.add("a", near, closed), mesh.add("b", far, "--dc=dc2", closed)):
            await asyncio.to_thread(each.start)
            assert ask("GET", f"{each.url}/dumps") is None, "anybody may read"
        until("an output in each", lambda: mesh.known() and mesh.known("dc2"), 30)
        await mesh.post(random.Random(SEED), 8)
        found = await asyncio.to_thread(mesh.collect)
        assert {each["dc"] for each in found["stores"]} == {"dc1", "dc2"}
        assert mesh.wrong() == []
        await asyncio.to_thread(far.stop)
        until("no way there", lambda: not mesh.known("dc2"), 30)
        collecting = mesh.begin()
        said = json.loads((await asyncio.to_thread(collecting.communicate))[0])
        assert (collecting.returncode, said["whole"], list(said["away"])) == (1, False, ["dc2"])
    finally:
        for each in mesh.outputs:
            each.end(signal.SIGKILL)
        far.stop()
        near.stop()


def test_without_a_consul_it_says_so_in_a_sentence(tmp_path: Path) -> None:
    command = [*COLLECT, "collect", "--once", "--data-set", str(tmp_path / "set"), "--consul-addr=http://127.0.0.1:1"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "Consul" in ran.stderr
    assert not (tmp_path / "set").exists()
