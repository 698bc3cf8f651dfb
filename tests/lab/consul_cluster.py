"""Three Consul servers and client agents beside them, on loopback addresses of their own, ended by their process ids.

Each agent has its own address in 127.0.0.0/8 and the usual ports, so that no connection of somebody else's can take a
port of one that is being restarted. `node_links` gives agents network namespaces instead, and cuts their links.
"""

import json
import os
import random
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from engine_processes import Child, ask
from waiting import until

HTTP, SERVER, SERF = 8500, 8300, 8301
SERVERS = 3


class Place(Protocol):
    """Where the agents' addresses are, and how a process is started there."""

    def address(self, number: int) -> str:
        """Address of the node with this number, from 1."""

    def harness_address(self, number: int) -> str:
        """Address that this node reaches the harness by."""

    def within(self, number: int, command: Sequence[str]) -> list[str]:
        """The command that runs this command on that node."""


class Loopback:
    """A /24 of loopback that nobody uses now."""

    def __init__(self, rng: random.Random | None = None) -> None:
        """Look for one."""
        rng = rng or random.Random()
        self._prefix = next(each for each in self._tries(rng) if _free(f"{each}.1"))

    def address(self, number: int) -> str:
        """Address of a node."""
        return f"{self._prefix}.{number}"

    def harness_address(self, number: int) -> str:
        """Address of the harness."""
        return "127.0.0.1"

    def within(self, number: int, command: Sequence[str]) -> list[str]:
        """The command as it is."""
        return list(command)

    @staticmethod
    def _tries(rng: random.Random) -> list[str]:
        return [f"127.{rng.randrange(64, 250)}.{rng.randrange(250)}" for _ in range(100)]


def _free(address: str) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((address, SERF))
        except OSError:
            return False
    return True


class Agent:
    """One agent: a server, or a client."""

    def __init__(self, executable: Path, folder: Path, place: Place, number: int, *, server: bool) -> None:
        """Write its configuration.

        Args:
            executable: Consul.
            folder: Where its data and its log go.
            place: Where it runs.
            number: Its number there; the servers have 1 to 3.
            server: Whether it is a server.
        """
        folder.mkdir(parents=True)
        self.number, self.address = number, place.address(number)
        self.name = f"{'server' if server else 'client'}-{number}"
        self.url = f"http://{self.address}:{HTTP}"
        config = {
            "data_dir": str(folder / "data"),
            "node_name": self.name,
            "bind_addr": self.address,
            "client_addr": self.address,
            "server": server,
            **({"bootstrap_expect": SERVERS, "autopilot": {"cleanup_dead_servers": False}} if server else {}),
            "retry_join": [place.address(each) for each in range(1, SERVERS + 1)],
            "retry_interval": "1s",
            "leave_on_terminate": False,
            "disable_update_check": True,
            "log_level": "WARN",
            "ports": {
                "http": HTTP, "server": SERVER, "serf_lan": SERF,
                "serf_wan": -1, "dns": -1, "grpc": -1, "grpc_tls": -1,
            },
            "performance": {"raft_multiplier": 1},
            "limits": {"http_max_conns_per_client": 2000},
        }
        (folder / "agent.json").write_text(json.dumps(config))
        command = [str(executable), "agent", "-config-file", str(folder / "agent.json")]
        self.child, self.paused = Child(place.within(number, command), folder / "log"), False

    def start(self) -> None:
        """Start it where it does not run, and wait for nothing."""
        if self.child.process is None or self.child.process.poll() is not None:
            self.child.start()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.child.stop(kill=True)
        self.paused = False

    def stop(self) -> None:
        """End it as its service manager does."""
        self.child.stop()

    def pause(self, *, on: bool) -> None:
        """Stop it with SIGSTOP, which cuts it off from everybody, or let it go on."""
        if self.child.process is not None and self.child.process.poll() is None:
            os.kill(self.child.process.pid, signal.SIGSTOP if on else signal.SIGCONT)
        self.paused = on

    def leader(self) -> str:
        """The leader's address as it knows it; empty where it does not answer."""
        return "" if self.paused else str(ask("GET", f"{self.url}/v1/status/leader") or "")


class ConsulCluster:
    """The servers and clients, while this is entered as a context."""

    def __init__(self, executable: Path, folder: Path, *, clients: int = 1, place: Place | None = None) -> None:
        """Choose addresses, and write the configurations.

        Args:
            executable: Consul.
            folder: An empty folder, or one that is not there.
            clients: How many client agents.
            place: Where they run; loopback where none is named.
        """
        self.place = place or Loopback()
        self.agents = [
            Agent(executable, folder / f"node-{number}", self.place, number, server=number <= SERVERS)
            for number in range(1, SERVERS + clients + 1)
        ]
        self.servers, self.clients = self.agents[:SERVERS], self.agents[SERVERS:]

    def __enter__(self) -> Self:
        try:
            for agent in self.agents:
                agent.start()
            self.settled()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Kill them all."""
        for agent in self.agents:
            agent.pause(on=False)
            agent.kill()

    def settled(self, within_s: float = 40.0) -> None:
        """Wait until every agent knows the leader, and all three servers vote."""
        until("a leader that every agent knows", lambda: all(agent.leader() for agent in self.agents), within_s)
        until("three healthy servers", self._healthy, within_s)

    def leader(self) -> Agent:
        """The server that leads now; fails the test where none does."""
        found = until("Consul's leader", self.leading, 20, 0.02)
        assert found is not None
        return found

    def leading(self) -> Agent | None:
        """The server that leads now, where one does."""
        for agent in self.servers:
            found = agent.leader()
            if found:
                return next(each for each in self.servers if found == f"{each.address}:{SERVER}")
        return None

    def snapshot(self) -> bytes:
        """All of Consul's state; empty where nobody leads."""
        return self._call("GET", "/v1/snapshot") or b""

    def restore(self, snapshot: bytes) -> bool:
        """Set Consul's state back to a snapshot; False where nobody leads."""
        return self._call("PUT", "/v1/snapshot", snapshot) is not None

    def raw(self, method: str, path: str, body: bytes | None = None) -> Any:
        """The JSON answer of some server to a call; None where it fails."""
        return json.loads(self._call(method, path, body) or b"null")

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes | None:
        url = next((agent.url for agent in self.servers if agent.leader()), self.servers[0].url)
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{url}{path}", body, method=method), timeout=20) as got:
                return bytes(got.read())
        except (urllib.error.URLError, OSError):
            return None

    def _healthy(self) -> bool:
        found = self.raw("GET", "/v1/operator/autopilot/health") or {}
        servers = found.get("Servers") or []
        return sum(bool(each["Healthy"] and each["Voter"]) for each in servers) == SERVERS
