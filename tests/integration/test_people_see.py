"""What people see on any of two managers, with real Consul and Fabio: who leads and is routed, who died, the pause."""

import json
import re
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from engine_processes import ConsulAgent, FabioRouter, ask, free_ports
from lab.process import Process, always
from waiting import until

TOKEN, PREFIX = "people-token", "/loom"


class Mesh:
    """Consul, Fabio, an input and two managers."""

    def __init__(self, engines: dict[str, Path], folder: Path) -> None:
        self.agent = ConsulAgent(engines["consul"], folder / "consul")
        self.fabio = FabioRouter(engines["fabio"], folder / "fabio", "a", self.agent)
        token = folder / "token"
        token.write_text(TOKEN)
        options = ["--consul-addr", self.agent.url, "--fabio-addr", self.fabio.url, "--drain-s", "2",
                   "--operator-token-file", str(token), "--route-prefix", PREFIX]  # fmt: skip
        services = {"input": "input_service", "one": "manager", "other": "manager"}
        self.urls, self.processes = dict[str, str](), dict[str, Process]()
        for (name, service), port in zip(services.items(), free_ports(3), strict=True):
            command = [sys.executable, "-m", f"hoploom.{service}", *options, "--port", str(port)]
            self.urls[name] = f"http://127.0.0.1:{port}"
            self.processes[name] = always(name, command, folder)

    def page(self, path: str, at: str = "", form: dict[str, str] | None = None) -> str:
        """A page, by Fabio or at one of them; with a form it is sent first."""
        data = urllib.parse.urlencode(form).encode() if form else None
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/html"}
        url = (self.urls[at] if at else self.fabio.url + PREFIX) + path
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return str(answer.read().decode())

    def overview(self, at: str) -> Any:
        """What one of them sees."""
        return json.loads(self.page("/api/v1/overview", at))

    def is_well(self, at: str) -> bool:
        """Whether one of them sees both managers, the input, and no problem."""
        seen = self.overview(at)
        return len(seen["instances"]) == len(self.processes) and not seen["problems"] and bool(seen["owners"])

    def leader(self, at: str) -> str:
        """Who leads the managers, as one of them sees it."""
        return "".join(each["instance"] for each in self.overview(at)["leaders"] if each["role"] == "manager")


@pytest.fixture(name="mesh", scope="module")
def _mesh(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    mesh = Mesh(engine_paths, tmp_path_factory.mktemp("people"))
    with ExitStack() as stack:
        stack.callback(mesh.agent.stop)
        mesh.agent.start()
        for each in mesh.processes.values():
            stack.callback(each.kill)
            each.start()
        stack.callback(mesh.fabio.stop)
        mesh.fabio.start()
        until("both managers are routed to", lambda: len(mesh.fabio.targets("manager")) == 2, 20)
        until("both see everybody, and nothing wrong", lambda: all(map(mesh.is_well, ("one", "other"))), 30)
        yield mesh


def test_a_pause_by_any_router_stands_on_every_managers_pages(mesh: Mesh) -> None:
    mesh.page("/pause", form={"paused": "yes"})
    until("all show it", lambda: "Probing is paused</strong> everywhere" in mesh.page("/"), 20)
    until("both show it", lambda: all("Resume probing" in mesh.page("/fleet", at) for at in ("one", "other")), 20)
    mesh.page("/pause", form={"paused": "no"})
    until("it goes on", lambda: all("Pause all probing" in mesh.page("/mesh", at) for at in ("one", "other")), 20)


@pytest.mark.parametrize("path", ["/", "/fleet", "/fleet/{}"])
def test_addresses_lead_below_what_the_router_took_off(mesh: Mesh, path: str) -> None:
    path = path.format(mesh.overview("one")["manager"])
    found = re.search('href="([^"]*page.css)"', mesh.page(path))
    assert found
    there = urllib.parse.urljoin(mesh.fabio.url + PREFIX + path, found[1])
    assert there == f"{mesh.fabio.url}{PREFIX}/static/page.css"


def test_what_routers_do_is_held_against_consul(mesh: Mesh) -> None:
    until("nothing is found", lambda: "Who passes is routed, and nobody else" in mesh.page("/mesh"), 20)
    assert len(re.findall("50.0 %", mesh.page("/mesh"))) == 2, "the managers have a half each"


def test_a_manager_that_dies_turns_red_and_its_successor_stands_among_the_events_of_the_other(mesh: Mesh) -> None:
    dead = mesh.leader("one")
    at = {each: mesh.overview(each)["manager"] for each in ("one", "other")}
    killed, left = ("one", "other") if at["one"] == dead else ("other", "one")
    mesh.processes[killed].kill()
    until("it is seen to be dead", lambda: f"{dead} is critical" in mesh.page("/", left), 20)
    until("the other leads", lambda: mesh.leader(left) == at[left], 30)

    def written() -> bool:
        events = ask("GET", f"{mesh.agent.url}/v1/kv/hoploom/events?raw")["events"]
        told = [(each["kind"], each["subject"]) for each in events]
        return ("leader", at[left]) in told and ("instance", dead) in told

    until("both are written down", written, 20)
    assert f"{at[left]}</bdi> leads manager under token" in mesh.page("/mesh", left)
