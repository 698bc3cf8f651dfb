"""A service of anybody's on the kit, with a real Consul and two real Fabios: in, restarted, killed, forgotten."""

import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine_processes import Child, ConsulAgent, FabioRouter, ask, free_ports
from load import Load
from waiting import until

SERVICE = Path(__file__).parent.parent / "orders_service.py"
PER_S = 100.0


@dataclass
class Mesh:
    """The engines, and the instances that a test has started."""

    consul: ConsulAgent
    fabios: list[FabioRouter]
    folder: Path
    started: list[tuple[int, Child]]

    def start(self) -> int:
        """Start an instance; returns its port."""
        [port] = free_ports(1)
        command = [sys.executable, str(SERVICE), "--port", str(port), "--consul-addr", self.consul.url]
        child = Child([*command, "--log-format", "text"], self.folder / f"orders-{port}.log")
        child.start()
        self.started.append((port, child))
        return port

    def stop(self, port: int, *, kill: bool = False) -> int:
        """End an instance; returns its exit code."""
        return dict(self.started)[port].stop(kill=kill)

    def routed(self, *ports: int) -> bool:
        """Whether both Fabios send requests to these instances and no other."""
        wanted = {f"127.0.0.1:{port}" for port in ports}
        return all(fabio.targets("orders") == wanted for fabio in self.fabios)

    def statuses(self) -> dict[int, str]:
        """The worst status of each instance in Consul, by port."""
        order = ("passing", "warning", "critical")
        return {
            each["Service"]["Port"]: max((check["Status"] for check in each["Checks"]), key=order.index)
            for each in self.consul.instances("orders")
        }

    def log(self, port: int) -> str:
        """What an instance has said."""
        return (self.folder / f"orders-{port}.log").read_text(encoding="utf-8")


@pytest.fixture
def mesh(engines_up: tuple[ConsulAgent, list[FabioRouter]], tmp_path: Path) -> Iterator[Mesh]:
    mesh = Mesh(*engines_up, tmp_path, [])
    try:
        yield mesh
    finally:
        for _, child in mesh.started:
            child.stop()
        for each in mesh.consul.instances("orders"):
            ask("PUT", f"{mesh.consul.url}/v1/agent/service/deregister/{each['Service']['ID']}")


def test_an_instance_becomes_passing_and_routed_and_leaves_nothing(mesh: Mesh) -> None:
    port = mesh.start()
    until("routed by both Fabios", lambda: mesh.routed(port), 15)
    assert mesh.statuses() == {port: "passing"}
    for fabio in mesh.fabios:
        assert ask("GET", f"{fabio.url}/orders")["instance"].startswith("orders-")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/routed", timeout=30) as answer:
        assert answer.status == 200
    assert mesh.stop(port) == 0
    assert mesh.statuses() == {}
    assert mesh.routed()
    log = mesh.log(port)
    assert "draining" in log
    assert "WARNING" not in log
    assert "Traceback" not in log


def test_restarting_two_instances_one_after_another_fails_no_request(mesh: Mesh) -> None:
    old = [mesh.start(), mesh.start()]
    until("both routed", lambda: mesh.routed(*old), 15)
    requests = [
        (method, f"{fabio.url}/orders", {"data": b"x" * 100} if method == "POST" else {})
        for fabio in mesh.fabios
        for method in ("GET", "POST")
    ]
    new: list[int] = []
    with Load(requests, PER_S, at_most_s=60.0) as load:
        until("load", lambda: load.result.answered > PER_S, 10)
        for port in old:
            new.append(mesh.start())
            until("the new one routed", lambda: mesh.routed(*new, *old[len(new) - 1 :]), 15)
            assert mesh.stop(port) == 0
        enough = load.result.answered + PER_S
        until("load on the new ones", lambda: load.result.answered > enough, 10)
    assert load.result.failures == []
    assert set(mesh.statuses()) == set(new), "the old ones are deregistered"
    assert all("WARNING" not in mesh.log(port) for port in old), [mesh.log(port) for port in old]


def test_a_killed_instance_is_critical_and_leaves_the_tables(mesh: Mesh) -> None:
    killed, other = mesh.start(), mesh.start()
    until("both routed", lambda: mesh.routed(killed, other), 15)
    mesh.stop(killed, kill=True)
    until("the killed one is out of both tables", lambda: mesh.routed(other), 10)
    assert mesh.statuses() == {killed: "critical", other: "passing"}


def test_a_wiped_agent_gets_its_instances_back(mesh: Mesh) -> None:
    port = mesh.start()
    until("routed", lambda: mesh.routed(port), 15)
    [before] = mesh.consul.instances("orders")
    mesh.consul.stop()
    mesh.consul.wipe()
    mesh.consul.start()
    for fabio in mesh.fabios:
        fabio.enter()
    until("registered again", lambda: mesh.statuses() == {port: "passing"}, 20)
    [after] = mesh.consul.instances("orders")
    assert after["Service"]["ID"] == before["Service"]["ID"]
    assert after["Service"]["Tags"] == before["Service"]["Tags"]
    until("routed again", lambda: mesh.routed(port), 15)


def test_a_taken_port_is_one_sentence_and_exit_code_2(mesh: Mesh) -> None:
    port = mesh.start()
    until("routed", lambda: mesh.routed(port), 15)
    command = [sys.executable, str(SERVICE), "--port", str(port), "--consul-addr", mesh.consul.url]
    second = Child(command, mesh.folder / "second.log")
    second.start()
    assert second.process is not None
    assert second.process.wait(60) == 2
    said = second.log.read_text(encoding="utf-8")
    assert said.startswith(f"orders: cannot listen on 127.0.0.1 port {port}")
    assert said.count("\n") == 1


def test_a_stop_before_anybody_routes_here_is_quick(mesh: Mesh) -> None:
    port = mesh.start()
    until("registered", mesh.statuses, 15)
    assert mesh.stop(port) == 0
    assert mesh.statuses() == {}
