"""Single Consul agents and Fabios for tests of the kit: on free ports of loopback, ended by their process id."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from hoploom.local.listeners import Listener
from hoploom.local.own_engines import GOGC
from hoploom.local.port_claims import Claims
from hoploom.local.ports import any_free
from hoploom.local.render import render
from waiting import until

LOOPBACK = "127.0.0.1"
_CLAIMS = Claims("hoploom-tests")
"""For the life of this process: what was stopped finds its ports again when it is started again."""


def free_ports(count: int) -> list[int]:
    """So many TCP ports of 127.0.0.1 that nobody listens on now, nor will unless he was given them here."""
    return [any_free(_CLAIMS) for _ in range(count)]


def ask(method: str, url: str, body: object = None, token: str = "") -> Any:
    """The JSON answer of a URL, by a token where one is given; None where it answers an error or not at all."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            text = answer.read()
    except (urllib.error.URLError, OSError):
        return None
    return json.loads(text) if text.strip() else {}


@dataclass
class Child:
    """One process with its log."""

    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.log.parent)

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.process is not None
        return self.process.pid

    def check(self) -> None:
        """Fail the test, with what it said last, where it has ended by itself."""
        ended = None if self.process is None else self.process.poll()
        if ended is not None:
            said = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise AssertionError(f"{self.command[0]} ended with {ended}:\n{said}")

    def stop(self, *, kill: bool = False) -> int:
        """End it, and wait for its end."""
        ending, self.process = self.process, None
        if ending is None:
            return 0
        ending.kill() if kill else ending.terminate()
        try:
            return ending.wait(60)
        except subprocess.TimeoutExpired:
            ending.kill()
            return ending.wait(60)


class ConsulAgent:
    """One Consul server without ACLs."""

    def __init__(
        self, executable: Path, folder: Path, *, serf_wan: int = -1, https: int = -1, **settings: object
    ) -> None:
        """Choose ports and write its configuration.

        Args:
            executable: Consul.
            folder: Where its data and its log go.
            serf_wan: Port by which other datacenters join; -1 for none.
            https: Port by which it speaks TLS, with the certificates that the settings name; -1 for none.
            settings: Added to its configuration.
        """
        self.folder, (http, server, serf) = folder, free_ports(3)
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://{LOOPBACK}:{http}"
        config = {
            "data_dir": str(folder / "data"),
            "node_name": "test",
            "bind_addr": LOOPBACK,
            "client_addr": LOOPBACK,
            "server": True,
            "bootstrap_expect": 1,
            "leave_on_terminate": False,
            "disable_update_check": True,
            "log_level": "WARN",
            "ports": {
                "http": http, "server": server, "serf_lan": serf,
                "serf_wan": serf_wan, "https": https, "dns": -1, "grpc": -1, "grpc_tls": -1,
            },
            "performance": {"raft_multiplier": 1},
            "limits": {"http_max_conns_per_client": 2000},
            **settings,
        }
        (folder / "agent.json").write_text(json.dumps(config))
        self._child = Child([str(executable), "agent", "-config-file", str(folder / "agent.json")], folder / "log")

    def start_bare(self) -> None:
        """Start it, and wait for nothing."""
        self._child.start()

    def start(self) -> None:
        """Start it, and wait for its leader and its own node."""
        self.start_bare()
        until("a leader of Consul", lambda: ask("GET", f"{self.url}/v1/status/leader"), 30)
        until("Consul's own service", lambda: ask("GET", f"{self.url}/v1/health/service/consul?passing"), 30)

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._child.pid

    def stop(self) -> None:
        """End it; what it stored stays."""
        self._child.stop()

    def wipe(self) -> None:
        """Remove what it stored."""
        shutil.rmtree(self.folder / "data")

    def instances(self, service: str) -> list[dict[str, Any]]:
        """What its health API says of a service."""
        return list(ask("GET", f"{self.url}/v1/health/service/{service}") or [])


class Reachable(Protocol):
    """An agent of Consul, by its URL."""

    url: str


class FabioRouter:
    """One Fabio with the settings of `fabio/fabio.properties.j2`, which routes its own table to the mesh."""

    def __init__(
        self,
        executable: Path,
        folder: Path,
        name: str,
        consul: Reachable,
        certificates: Path | str | None = None,
        *,
        announced: bool = False,
        listeners: Sequence[Listener] = (),
    ) -> None:
        """Choose ports and write its configuration.

        Args:
            executable: Fabio.
            folder: Where its configuration and its log go.
            name: Its own.
            consul: Where the mesh is registered.
            certificates: Folder with `NAME-cert.pem` and `NAME-key.pem`, or "consul" for its KV store, for HTTPS at
                `tls_url`; None for none.
            announced: Whether it serves long enough at a stop for a balancer before it to see that its route is gone.
            listeners: Further ones.
        """
        self.name, self._consul, (proxy, admin, tls, told) = name, consul, free_ports(4)
        folder.mkdir(parents=True, exist_ok=True)
        self.url, self.admin_url, self._admin_port = f"http://{LOOPBACK}:{proxy}", f"http://{LOOPBACK}:{admin}", admin
        self.tls_url = f"https://{LOOPBACK}:{tls}"
        self._metrics_port = told
        own = [Listener(f"{LOOPBACK}:{proxy}"), *([Listener(f"{LOOPBACK}:{tls}", "https")] if certificates else [])]
        values = {
            "listeners": [each.as_dict() for each in (*own, *listeners)],
            "ports": {"fabio_ui": admin, "fabio_metrics": told},
            "consul_at": urlsplit(consul.url),
            "certificates": str(certificates or ""),
            "kv_prefix": "",
            "node": name,
            "address": LOOPBACK,
            "alone": not announced,
            "leaving": {"grace": "3s" if announced else "1s", "wait": "1s"},
            "gogc": GOGC,
        }
        settings = render("fabio/fabio.properties.j2", values, folder / "fabio.properties")
        self.log = folder / "log"
        self._child = Child([str(executable), "-cfg", str(settings)], self.log)

    def start(self) -> None:
        """Start it, enter its table as `consul/fabio-routes.hcl.j2` does, and wait until it routes that."""
        # Entered first: a Fabio whose first table is empty does not listen.
        self.enter()
        self._child.start()
        until(f"the table of Fabio {self.name}", lambda: ask("GET", self.url + self._path) is not None, 15)

    def enter(self) -> None:
        """Register its table and its metrics at the agent."""
        record = {
            "ID": f"fabio-routes-{self.name}",
            "Name": "fabio-routes",
            "Address": LOOPBACK,
            "Port": self._admin_port,
            "Tags": [f"urlprefix-{self._path} strip=/_mesh/{self.name} allow=ip:127.0.0.0/8"],
            "Meta": {
                "proxy": self.url.removeprefix("http://"),
                "path": self._path,
                "metrics": f"{self.url}/_mesh/{self.name}/metrics",
            },
            "Check": {"HTTP": f"{self.admin_url}/health", "Interval": "1s", "Timeout": "1s", "Status": "passing"},
        }
        metrics = {
            "ID": f"fabio-metrics-{self.name}",
            "Name": "fabio-metrics",
            "Address": LOOPBACK,
            "Port": self._metrics_port,
            "Tags": [f"urlprefix-/_mesh/{self.name}/metrics strip=/_mesh/{self.name} allow=ip:127.0.0.0/8"],
            "Check": {"HTTP": f"{self.admin_url}/health", "Interval": "1s", "Timeout": "1s", "Status": "passing"},
        }
        for each in (record, metrics):
            assert ask("PUT", f"{self._consul.url}/v1/agent/service/register", each) is not None

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._child.pid

    def stop(self) -> None:
        """End it."""
        self._child.stop()

    def targets(self, service: str) -> set[str]:
        """The `host:port` that its table sends requests for a service to."""
        self._child.check()
        table = ask("GET", f"{self.admin_url}/api/routes") or []
        return {entry["dst"].removeprefix("http://").rstrip("/") for entry in table if entry["service"] == service}

    @property
    def _path(self) -> str:
        return f"/_mesh/{self.name}/api/routes"
