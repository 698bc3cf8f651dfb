"""Push through real Fabio: a worker hears of a pause by the manager on which it hangs, and finds another one.

Consul, Fabio, one input, two managers and one worker, each a process. What the worker does is read from its own pages.
"""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine_processes import ConsulAgent, FabioRouter, free_ports
from lab.process import Process, always
from waiting import until

TOKEN = "push-token"
WORKER, EDGE = "pi-1", "pi-2"


class PushMesh:
    """The processes, each started and known by its name."""

    def __init__(self, engines: dict[str, Path], folder: Path) -> None:
        self.agent = ConsulAgent(engines["consul"], folder / "consul")
        self.fabio = FabioRouter(engines["fabio"], folder / "fabio", "a", self.agent)
        token = folder / "token"
        token.write_text(TOKEN)
        options = [
            "--consul-addr", self.agent.url, "--fabio-addr", self.fabio.url, "--drain-s", "2",
            "--operator-token-file", str(token), "--worker-token-file", str(token),
        ]  # fmt: skip
        services = {"input": "input_service", "one": "manager", "other": "manager", "worker": "ping_service"}
        own = {"worker": ["--worker", WORKER, "--spool-dir", str(folder / "spool")]}
        self.urls, self.processes = dict[str, str](), dict[str, Process]()
        for (name, service), port in zip(services.items(), free_ports(4), strict=True):
            command = [sys.executable, "-m", f"hoploom.{service}", *options, "--port", str(port), *own.get(name, [])]
            self.urls[name] = f"http://127.0.0.1:{port}"
            self.processes[name] = always(name, command, folder)

    def post(self, path: str, body: object = None, at: str = "") -> Any:
        """An operator's call, by Fabio or at one of them."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        url = (self.urls[at] if at else self.fabio.url) + path
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def metric(self, name: str, whose: str, label: str = "") -> float:
        """A number of one of them; -1 while it does not answer or has none."""
        try:
            with urllib.request.urlopen(f"{self.urls[whose]}/metrics", timeout=30) as answer:
                page = answer.read().decode()
        except OSError:
            return -1.0
        found = re.search(rf"^{name}\{{[^}}]*{label}[^}}]*\}} (\S+)$", page, re.MULTILINE)
        return float(found[1]) if found else -1.0

    def hangs_on(self) -> str:
        """The manager that pushes to the worker; empty for none."""
        held = [each for each in ("one", "other") if self.metric("hoploom_manager_push_connections", each) == 1]
        return held[0] if held and self.metric("hoploom_ping_pushed", "worker") == 1 else ""

    def is_paused(self) -> bool:
        """Whether the worker heeds a pause."""
        return self.metric("hoploom_ping_stopped", "worker", 'why="paused"') == 1

    def rests(self) -> bool:
        """Whether nobody waits for orders at the input."""
        with urllib.request.urlopen(f"{self.urls['input']}/health", timeout=30) as answer:
            return b"overlay" not in answer.read()


@pytest.fixture(name="mesh", scope="module")
def _mesh(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushMesh]:
    mesh = PushMesh(engine_paths, tmp_path_factory.mktemp("push"))
    with ExitStack() as stack:
        stack.callback(mesh.agent.stop)
        mesh.agent.start()
        for each in mesh.processes.values():
            stack.callback(each.kill)
            each.start()
        stack.callback(mesh.fabio.stop)
        mesh.fabio.start()
        until("both managers are routed to", lambda: len(mesh.fabio.targets("manager")) == 2, 20)
        until("the worker hangs on one of them", mesh.hangs_on, 20)
        yield mesh


def hoploom(*words: str) -> str:
    """What a command says."""
    return subprocess.run(
        [sys.executable, "-m", "hoploom.cli", *words], check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.fixture(name="edge")
def _edge(mesh: PushMesh, tmp_path: Path) -> Iterator[Process]:
    """A worker that joined at a manager's own address, and knows nothing else."""
    token, identity = tmp_path / "token", ["--identity-dir", str(tmp_path / "identity")]
    token.write_text(TOKEN)
    operator = ["--url", mesh.urls["one"], "--operator-token-file", str(token)]
    invited = json.loads(hoploom("worker", "invite", EDGE, "--json", *operator))["token"]
    token.write_text(invited)
    hoploom("worker", "join", mesh.urls["one"], "--token-file", str(token), *identity)
    options = ["--mesh-url", mesh.urls["one"], "--spool-dir", str(tmp_path / "spool"), *identity]
    worker = always("edge", [sys.executable, "-m", "hoploom.ping_service", *options], tmp_path)
    worker.start()
    yield worker
    worker.kill()


def test_a_worker_that_joined_is_told_by_its_manager_and_no_more_when_it_is_revoked(
    mesh: PushMesh, edge: Process
) -> None:
    held = mesh.metric("hoploom_manager_push_connections", "one")
    until("it hangs there", lambda: mesh.metric("hoploom_manager_push_connections", "one") > held, 20)
    mesh.post(f"/api/v1/workers/{EDGE}/settings", {"v": 1, "rate_pps": 7}, at="other")
    until("it hears what another manager was told", lambda: "send 7 packets a second" in edge.log.read_text(), 5)
    mesh.post("/api/v1/overlay/pause", {"v": 1, "paused": True})
    until("it heeds a pause", lambda: re.search(r"at version \d+ paused", edge.log.read_text()), 1, every_s=0.01)
    mesh.post("/api/v1/overlay/pause", {"v": 1, "paused": False})
    mesh.post("/api/v1/overlay/revocations", {"v": 1, "worker": EDGE, "revoked": True})
    ended = "hoploom_manager_push_ended_total"
    until("it is let go", lambda: mesh.metric(ended, "one", 'why="revoked"') == 1, 5)


def test_a_worker_is_told_by_any_manager_and_finds_another_one(mesh: PushMesh) -> None:
    # Whoever has no overlay to wait for asks once; from then on it is pushed.
    until("the worker's long poll rests", mesh.rests, 30)
    began_s = time.monotonic()
    mesh.post("/api/v1/overlay/pause", {"v": 1, "paused": True})
    until("the worker heeds the pause", mesh.is_paused, 1, every_s=0.01)
    print(f"paused after {time.monotonic() - began_s:.3f} s")
    until("the worker's long poll rests again", mesh.rests, 30)

    first = mesh.hangs_on()
    other = {"one": "other", "other": "one"}[first]
    answer = mesh.post(f"/api/v1/workers/{WORKER}/settings", {"v": 1, "rate_pps": 50}, at=other)
    assert answer["settings"] == {"rate_pps": 50}
    log = mesh.processes["worker"].log
    until("it hears what another manager was told", lambda: "send 50 packets a second" in log.read_text(), 5)

    mesh.processes[first].send(signal.SIGTERM)
    until("it hangs on the other manager", lambda: mesh.hangs_on() == other, 15)
    assert mesh.processes[first].wait() == 0
    mesh.post(f"/api/v1/workers/{WORKER}/run", at=other)
    until("it hears of what is to be done now", lambda: "told to look for work now" in log.read_text(), 5)

    mesh.processes[first].start()
    until("both managers are routed to", lambda: len(mesh.fabio.targets("manager")) == 2, 20)
    mesh.processes[other].kill()
    until("it hangs on the first one again", lambda: mesh.hangs_on() == first, 30)
    mesh.post("/api/v1/overlay/pause", {"v": 1, "paused": False})
    until("the worker goes on", lambda: not mesh.is_paused(), 5, every_s=0.01)
