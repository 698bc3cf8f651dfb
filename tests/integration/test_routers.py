"""Two real Fabios audited by two managers: timed, one stopped, both frozen by a line that they refuse, handed over."""

import os
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine_processes import ConsulAgent, FabioRouter, ask, free_ports
from lab.process import Process, always
from waiting import until

TOKEN = "routers-token"
FLIP_S, STALL_S = 1.0, 2.0
WITHIN_S = 20.0
REFUSED = b"route add broken /broken\n"
"""Fabio takes no line of a table with such a one in it: a destination is missing."""


class Mesh:
    """Consul, two Fabios and two managers."""

    def __init__(self, engines: dict[str, Path], folder: Path) -> None:
        self.agent = ConsulAgent(engines["consul"], folder / "consul")
        self.fabios = {name: FabioRouter(engines["fabio"], folder / name, name, self.agent) for name in ("a", "b")}
        token = folder / "token"
        token.write_text(TOKEN)
        self.managers = dict[str, Process]()
        for port in free_ports(2):
            url = f"http://127.0.0.1:{port}"
            command = [sys.executable, "-m", "hoploom.manager", "--consul-addr", self.agent.url, "--fabio-addr",
                       self.fabios["a"].url, "--drain-s", "1", "--operator-token-file", str(token), "--port", str(port),
                       "--canary-s", f"{FLIP_S:g}", "--canary-stall-s", f"{STALL_S:g}"]  # fmt: skip
            self.managers[url] = always(f"manager-{port}", command, folder)

    def asked(self, url: str, path: str) -> Any:
        """What a manager answers as JSON; None where it does not."""
        return ask("GET", f"{url}{path}", token=TOKEN)

    def states(self, url: str) -> dict[str, str]:
        """How the Fabios stand, as a manager tells it, by their own names."""
        ports = {each.url.rpartition(":")[2]: name for name, each in self.fabios.items()}
        found = self.asked(url, "/api/v1/routers") or {"routers": []}
        return {ports[each["name"].rpartition(":")[2]]: each["state"] for each in found["routers"]}

    def all_say(self, **states: str) -> bool:
        """Whether all managers tell the same of the Fabios."""
        return all(self.states(url) == states for url in self.managers)

    def findings(self, url: str) -> set[str]:
        """Kinds of what is found."""
        return {each["kind"] for each in (self.asked(url, "/api/v1/routers") or {"findings": ()})["findings"]}

    def problems(self, url: str) -> set[str]:
        """Kinds of what a manager's home shows."""
        return {each["kind"] for each in (self.asked(url, "/api/v1/overview") or {"advice": ()})["advice"]}

    def canaries(self) -> list[str]:
        """Managers that have one in Consul."""
        found = ask("GET", f"{self.agent.url}/v1/agent/services") or {}
        return [each["Meta"]["manager"] for each in found.values() if each["Service"] == "route-canary"]

    def leader(self) -> str:
        """URL of who audits."""
        led = {each["role"]: each["instance"] for each in self.asked(next(iter(self.managers)), "/api/v1/overview")[
            "leaders"]}  # fmt: skip
        return next(url for url in self.managers if self.asked(url, "/api/v1/overview")["manager"] == led["auditor"])


@pytest.fixture(name="mesh", scope="module")
def _mesh(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    mesh = Mesh(engine_paths, tmp_path_factory.mktemp("routers"))
    with ExitStack() as stack:
        stack.callback(mesh.agent.stop)
        mesh.agent.start()
        for process in mesh.managers.values():
            stack.callback(process.kill)
            process.start()
        for fabio in mesh.fabios.values():
            stack.callback(fabio.stop)
            fabio.start()
        until("both are timed", lambda: mesh.all_say(a="follows", b="follows"), 40)
        yield mesh


def test_the_time_to_converge_is_measured_for_each_and_no_request_gets_to_the_canary(mesh: Mesh) -> None:
    leader = mesh.leader()
    with urllib.request.urlopen(f"{leader}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    counts = re.findall(r'hoploom_route_converge_seconds_count\{[^}]*fabio="[^"]+"[^}]*\} (\S+)', text)
    sums = re.findall(r'hoploom_route_converge_seconds_sum\{[^}]*fabio="[^"]+"[^}]*\} (\S+)', text)
    assert len(counts) == 2 and all(0 < float(total) / float(count) < 1.0
                                    for total, count in zip(sums, counts, strict=True))  # fmt: skip
    found = mesh.asked(leader, "/api/v1/routers")
    assert all(0 < each["p50_s"] <= each["p99_s"] < 3 and each["routes"] for each in found["routers"])
    [canary] = mesh.canaries()
    said = set()

    def refused() -> bool:
        try:
            urllib.request.urlopen(f"{mesh.fabios['a'].url}/_mesh/canary/{canary}", timeout=5)
        except urllib.error.HTTPError as error:
            said.add(error.code)
        return 403 in said

    until("Fabio itself refuses whoever asks for it", refused, WITHIN_S)
    assert 502 not in said


def test_one_that_stops_is_named_and_one_that_goes_on_recovers(mesh: Mesh) -> None:
    os.kill(mesh.fabios["b"].pid, signal.SIGSTOP)
    try:
        until("all say so", lambda: mesh.all_say(a="follows", b="stalled"), WITHIN_S)
        until("homes have it", lambda: all("RouteTableStalled" in mesh.problems(each) for each in mesh.managers),
              WITHIN_S)  # fmt: skip
    finally:
        os.kill(mesh.fabios["b"].pid, signal.SIGCONT)
    until("it follows again", lambda: mesh.all_say(a="follows", b="follows"), WITHIN_S)
    events = [each["text"] for each in mesh.asked(mesh.leader(), "/api/v1/overview")["events"]
              if each["kind"] == "router"]  # fmt: skip
    assert "does not follow Consul any more" in events


def test_a_line_that_fabio_refuses_freezes_both_and_is_named(mesh: Mesh) -> None:
    key = f"{mesh.agent.url}/v1/kv/fabio/config/broken"
    urllib.request.urlopen(urllib.request.Request(key, REFUSED, method="PUT"), timeout=10).close()
    try:
        until("both stand still", lambda: mesh.all_say(a="stalled", b="stalled"), WITHIN_S)
        until("the line is named", lambda: "bad-override" in mesh.findings(mesh.leader()), WITHIN_S)
        assert all("RouteFinding" in mesh.problems(url) for url in mesh.managers)
    finally:
        urllib.request.urlopen(urllib.request.Request(key, method="DELETE"), timeout=10).close()
    until("both follow again", lambda: mesh.all_say(a="follows", b="follows"), WITHIN_S)


def test_who_hands_over_takes_its_canary_along_and_the_next_one_goes_on(mesh: Mesh) -> None:
    leader = mesh.leader()
    [before] = mesh.canaries()
    process = mesh.managers.pop(leader)
    process.send(signal.SIGTERM)
    until("the next has its own alone", lambda: len(found := mesh.canaries()) == 1 and before not in found, WITHIN_S)
    [other] = mesh.managers
    until("it times them", lambda: mesh.asked(other, "/api/v1/routers")["leader"] ==
          mesh.asked(other, "/api/v1/overview")["manager"] and mesh.all_say(a="follows", b="follows"), WITHIN_S)
