"""One datacenter on a node of its own: a Consul server, a Fabio, inputs, an output and a worker, each a real process.

The node is a network namespace (`node_links`), so that its loopback, which the worker probes, is its own too.
"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine_processes import Child, ask
from hoploom.local.own_engines import GOGC
from hoploom.local.render import render
from lab.acls import Acls
from lab.node_links import NodeLinks
from waiting import until

TOKEN, HOME, GROUP = "lab-token", "dc1", "all"
# As on hosts: also the datacenters' own questions to each other have to say who asks.
CLOSED = ("--open-reading=false",)
CONSUL, FABIO, FIRST_INPUT, OUTPUT, WAN = 8500, 9999, 9101, 9201, 8302


@dataclass(frozen=True)
class Site:
    """What the datacenters of a run have in common.

    Attributes:
        engines: Consul and Fabio.
        folder: Where all of it is kept.
        links: The nodes.
        acls: The tokens.
        inputs: How many input instances each has.
    """

    engines: Mapping[str, Path]
    folder: Path
    links: NodeLinks
    acls: Acls
    inputs: int


class Datacenter:
    """Starts and asks the processes of one node."""

    def __init__(self, site: Site, number: int) -> None:
        """Write all configurations.

        Args:
            site: What both have in common.
            number: This one's.
        """
        self.name, self.number, self.folder = f"dc{number}", number, site.folder / f"dc{number}"
        self.folder.mkdir(parents=True)
        self._acls, self._links, self._address = site.acls, site.links, site.links.address(number)
        self.consul_url = f"http://{self._address}:{CONSUL}"
        self.inputs = [f"http://{self._address}:{FIRST_INPUT + each}" for each in range(site.inputs)]
        # The last one: the first may be killed.
        self.input = self.inputs[-1]
        self.output = f"http://{self._address}:{OUTPUT}"
        self.token, self.store = self.folder / "token", self.folder / "store"
        self.token.write_text(TOKEN)
        self.consul = self._child("consul", [str(site.engines["consul"]), "agent", "-config-file", str(self._consul())])
        self.fabio = self._child("fabio", [
            "env", f"CONSUL_HTTP_TOKEN_FILE={site.acls.files['fabio']}",
            str(site.engines["fabio"]), "-cfg", str(self._fabio()),
        ])  # fmt: skip
        self.services = [*self._services(site.inputs)]
        self.worker = self._child("worker", [*self._service("ping", 0), "--worker", f"w{number}", "--group", GROUP,
                                             "--spool-dir", str(self.folder / "spool"), "--allow-private", "true"])

    def boot(self, stack: ExitStack) -> None:
        """Start Consul; `stack` ends it."""
        stack.callback(self.consul.stop, kill=True)
        self.consul.start()

    def begin(self, stack: ExitStack) -> None:
        """Start the rest when the tokens are known; `stack` ends everything."""
        if self.name == HOME:
            self._acls.fill(self.consul_url)
        until(f"the tokens in {self.name}", lambda: self._acls.copied(self.consul_url), 60)
        for each in self.children():
            stack.callback(each.stop, kill=True)
            each.start()

    def children(self) -> list[Child]:
        """All but Consul, in the order in which they begin."""
        return [self.fabio, *self.services, self.worker]

    def passing(self, service: str, dc: str = "") -> int:
        """Instances of a service that are healthy, as this datacenter's Consul knows it."""
        return len(ask("GET", f"{self.consul_url}/v1/health/service/{service}?passing&dc={dc or self.name}") or [])

    def settled(self) -> bool:
        """Whether its slots are owned, its output is routed, and it can say what is paused."""
        owned = ask("GET", f"{self.input}/api/v1/slots", None, TOKEN) or {"unowned": 64}
        routed = ask("GET", f"http://{self._address}:{FABIO}/api/v1/results?limit=1", None, TOKEN) is not None
        return not owned["unowned"] and routed and bool(self.overlay())

    def overlay(self) -> dict[str, Any]:
        """What holds here; empty where nobody says."""
        return ask("GET", f"{self.input}/api/v1/overlay/summary", None, TOKEN) or {}

    def campaign(self, name: str, query: str = "") -> dict[str, Any]:
        """A campaign with its progress as this datacenter sees it; empty where it knows none."""
        return ask("GET", f"{self.input}/api/v1/campaigns/{name}{query}", None, TOKEN) or {}

    def done(self, name: str) -> int:
        """Targets of the own slice that are done."""
        groups = self.campaign(name, "?here=yes").get("groups", {})
        return int(groups.get(GROUP, {}).get("done", 0))

    def post(self, path: str, **document: object) -> int:
        """The status of a change that an operator asks an input instance for."""
        body = json.dumps({"v": 1, **document}).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        try:
            wanted = urllib.request.Request(f"{self.input}{path}", body, headers)
            with urllib.request.urlopen(wanted, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def collect(self, data_set: Path) -> dict[str, Any]:
        """Collect everything that can be asked into a data set, from here."""
        command = [sys.executable, "-m", "hoploom.cli", "collect", "--once", "--json", "--data-set", str(data_set)]
        about = {"HOPLOOM_CONSUL_ADDR": self.consul_url, "HOPLOOM_WORKER_TOKEN_FILE": str(self.token),
                 "HOPLOOM_CONSUL_TOKEN_FILE": str(self._acls.files["output"])}
        ran = subprocess.run(
            self._links.within(self.number, command),
            env={**os.environ, **about}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert ran.stdout, ran.stderr
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    def _child(self, name: str, command: Sequence[str]) -> Child:
        return Child(self._links.within(self.number, command), self.folder / f"{name}.log")

    def _services(self, inputs: int) -> Iterator[Child]:
        for each in range(inputs):
            words = [*self._service("input", FIRST_INPUT + each), "--operator-token-file", str(self.token)]
            yield self._child(f"input-{each}", [*words, *CLOSED])
        yield self._child("output", [*self._service("output", OUTPUT), "--db-dir", str(self.store), *CLOSED])

    def _service(self, name: str, port: int) -> list[str]:
        where = ["--host", self._address, "--port", str(port), "--dc", self.name, "--home-dc", HOME]
        mesh = ["--consul-addr", self.consul_url, "--fabio-addr", f"http://{self._address}:{FABIO}"]
        tokens = ["--worker-token-file", str(self.token), "--consul-token-file", str(self._acls.files[name])]
        words = [*where, *mesh, *tokens]
        module = name if name == "manager" else f"{name}_service"
        return [sys.executable, "-m", f"hoploom.{module}", *words]

    def _consul(self) -> Path:
        config = {
            "datacenter": self.name,
            "data_dir": str(self.folder / "data"),
            "node_name": f"server-{self.name}",
            "bind_addr": self._address,
            "client_addr": self._address,
            "server": True,
            "bootstrap_expect": 1,
            "retry_join_wan": [f"{self._links.address(1)}:{WAN}"] if self.number > 1 else [],
            "retry_interval_wan": "1s",
            "leave_on_terminate": False,
            "disable_update_check": True,
            "log_level": "WARN",
            "ports": {"http": CONSUL, "serf_wan": WAN, "dns": -1, "grpc": -1, "grpc_tls": -1},
            "performance": {"raft_multiplier": 1},
            "limits": {"http_max_conns_per_client": 2000},
            **self._acls.config(self.name),
        }
        path = self.folder / "agent.json"
        path.write_text(json.dumps(config))
        return path

    def _fabio(self) -> Path:
        values = {
            "listeners": [{"at": f"{self._address}:{FABIO}", "proto": "http"}],
            "ports": {"fabio_ui": 9998, "fabio_metrics": 9997},
            "consul_at": urlsplit(self.consul_url),
            "certificates": "",
            "kv_prefix": "",
            "node": self.name,
            "address": self._address,
            "alone": True,
            "leaving": {"grace": "1s", "wait": "5s"},
            "gogc": GOGC,
        }
        return render("fabio/fabio.properties.j2", values, self.folder / "fabio.properties")
