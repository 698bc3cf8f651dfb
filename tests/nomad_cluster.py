"""A Nomad server with a client in each of two datacenters, on loopback, configured by the files of nomad/."""

import functools
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from engine_processes import LOOPBACK, Child, free_ports
from hoploom.local import processes, submission
from hoploom.local.nomad_agent import agent_values
from hoploom.local.port_claims import Claims
from hoploom.local.ports import choose
from hoploom.local.render import render
from waiting import until

NOMAD = Path(__file__).resolve().parents[1] / "nomad"
DATACENTERS = ("dc1", "dc2")
# A node that says nothing is missed after 6 s instead of 20 s, so that a test can wait for it.
_SOON_MISSED = 'server {\n  min_heartbeat_ttl = "2s"\n  heartbeat_grace = "4s"\n}\n'
_PATH = re.compile(r'(?<=path      = ")|(?<=path = ")')


class NomadCluster:
    """The agents, and what a person asks of them."""

    def __init__(self, binary: Path, folder: Path, *, raw_exec: bool = False) -> None:
        """Choose ports.

        Args:
            binary: Nomad.
            folder: For its data and logs.
            raw_exec: Whether tasks may run as they are, with everything in reach; on hosts they may not.
        """
        self._binary, self._folder, self.token = binary, folder, str(uuid.uuid4())
        self._raw_exec = raw_exec
        self._claims = Claims()
        self._ports = choose(self._claims)
        self._agents: dict[str, Child] = {}
        self.url = f"http://{LOOPBACK}:{self._ports['nomad_http']}"

    def start(self, consul_port: int, beside: Callable[[str], Mapping[str, str]]) -> None:
        """Start all agents, and wait until both nodes are ready.

        Args:
            consul_port: Where Consul's API is.
            beside: Further files of a datacenter's client, by their names.
        """
        self._ports["consul_http"] = consul_port
        with self._claims:
            self._start_agents(beside)

    def _start_agents(self, beside: Callable[[str], Mapping[str, str]]) -> None:
        self._start("server", "server", "dc1", {"soon.hcl": _SOON_MISSED})
        until("Nomad's management token", self._bootstrapped, 30)
        first, last = self._ports["tasks_first"], self._ports["tasks_last"]
        middle = (first + last) // 2
        ranges = ((first, middle), (middle + 1, last))
        for dc, port, (at, to) in zip(DATACENTERS, free_ports(2), ranges, strict=True):
            # Both are on the same loopback, and each hands out ports by itself.
            self._ports |= {"nomad_client_http": port, "tasks_first": at, "tasks_last": to}
            self._start(dc, "client", dc, beside(dc))
        until("two nodes", lambda: [each["Status"] for each in self.ask("/v1/nodes")] == ["ready"] * 2, 40)

    def _start(self, name: str, kind: str, dc: str, beside: Mapping[str, str]) -> None:
        data, config = self._folder / name, self._folder / f"{name}.d"
        values = {
            **agent_values(self._ports["nomad_rpc"]),
            "raw_exec": self._raw_exec,
            "ports": self._ports,
            "dc": dc,
            "node": name,
            f"{kind}_dir": str(data),
        }
        render(f"nomad/{kind}.hcl.j2", values, config / "agent.hcl")
        for file, text in beside.items():
            (config / file).write_text(text, encoding="utf-8")
        self._agents[name] = Child([str(self._binary), "agent", f"-config={config}"], self._folder / f"{name}.log")
        self._agents[name].start()

    def _bootstrapped(self) -> bool:
        try:
            self._call("POST", "/v1/acl/bootstrap", {"BootstrapSecret": self.token})
        except OSError:
            pass
        try:
            return bool(self.ask("/v1/acl/token/self"))
        except OSError:
            return False

    def cut(self, dc: str) -> None:
        """End a datacenter's agent so that it cannot say so; its tasks go on."""
        self._agents[dc].stop(kill=True)

    def join(self, dc: str) -> None:
        """Start it again."""
        self._agents[dc].start()

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"X-Nomad-Token": self.token}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def ask(self, path: str) -> Any:
        """The answer of a path of the API."""
        return self._call("GET", path)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Nomad's command."""
        environ = {**os.environ, "NOMAD_ADDR": self.url, "NOMAD_TOKEN": self.token}
        return subprocess.run(
            [str(self._binary), *words], env=environ, capture_output=True, text=True, timeout=120, check=False
        )

    def submit(self, job: str, variables: Mapping[str, str]) -> None:
        """Submit a job file; wait for nothing."""
        ran = self.run("job", "run", "-detach", *flags(variables), str(job_file(job)))
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def parsed(self, job: str, variables: Mapping[str, str]) -> dict[str, Any]:
        """A job file as Nomad's HTTP interface reads it, by which `hoploom run` and `hoploom deploy` submit theirs."""
        text = job_file(job).read_text(encoding="utf-8")
        body = {"JobHCL": text, "Variables": submission.as_hcl(variables), "Canonicalize": True}
        found: dict[str, Any] = self._call("POST", "/v1/jobs/parse", body)
        return found

    def allocations(self, job: str) -> list[dict[str, Any]]:
        """The allocations of a job, oldest first."""
        found = self.ask(f"/v1/job/{urllib.parse.quote(f'hoploom-{job}', safe='')}/allocations?all=true")
        return sorted(found, key=lambda each: int(each["CreateIndex"]))

    def running(self, job: str) -> list[dict[str, Any]]:
        """Those that run, and shall."""
        wanted = ("running", "run")
        return [each for each in self.allocations(job) if (each["ClientStatus"], each["DesiredStatus"]) == wanted]

    def events(self, job: str) -> str:
        """What became of its tasks, for a person."""
        states = [state for each in self.allocations(job) for state in (each["TaskStates"] or {}).values()]
        return "\n".join(event["DisplayMessage"] for state in states for event in state["Events"] or [])

    def events_of_children(self, job: str) -> str:
        """What became of the runs of a periodic job."""
        runs = [each["ID"] for each in self.ask(f"/v1/jobs?prefix=hoploom-{job}/")]
        return "\n".join(self.events(each.removeprefix("hoploom-")) for each in runs)

    def healthy(self, job: str) -> bool:
        """Whether its last deployment came to its good end; fails the test when it came to another."""
        found = self.ask(f"/v1/job/hoploom-{job}/deployment")
        status = found["Status"] if found else ""
        assert status not in ("failed", "cancelled"), f"{job}: {self.events(job)}"
        return bool(status == "successful")

    def wipe(self) -> None:
        """Stop all jobs, and wait for the end of their tasks."""
        jobs = {str(job["ID"]) for job in self.ask("/v1/jobs")}
        # Fabio last: whoever drains waits until it lets go.
        for these in (jobs - {"hoploom-fabio"}, {"hoploom-fabio"}):
            for job in these:
                self._call("DELETE", f"/v1/job/{urllib.parse.quote(job, safe='')}")
            until(f"the end of {these}", functools.partial(self._ended, these), 40)

    def end(self) -> None:
        """Stop all agents, and tasks of a run that broke off."""
        for agent in reversed(self._agents.values()):
            agent.stop()
        for stray in processes.strays(self._folder):
            processes.stop(stray, 10)

    def _ended(self, jobs: Collection[str]) -> bool:
        found = [each["ClientStatus"] for each in self.ask("/v1/allocations") if each["JobID"] in jobs]
        return all(each in ("complete", "failed", "lost") for each in found)


def job_file(job: str) -> Path:
    """The file of a job."""
    return NOMAD / f"{job}.nomad.hcl"


def flags(variables: Mapping[str, str]) -> list[str]:
    """How `nomad job` is given variables."""
    return [f"-var={name}={value}" for name, value in variables.items()]


def isolated(host: Path) -> dict[str, str]:
    """How tasks are isolated on a host whose root this folder stands for."""
    return {"isolation.hcl": _PATH.sub(str(host), (NOMAD / "isolation.hcl").read_text(encoding="utf-8"))}


@contextmanager
def cluster(
    binary: Path, folder: Path, consul_port: int, beside: Callable[[str], Mapping[str, str]], *, raw_exec: bool = False
) -> Iterator[NomadCluster]:
    """A running cluster; nothing of it is left afterwards."""
    folder.mkdir()
    made = NomadCluster(binary, folder, raw_exec=raw_exec)
    with ExitStack() as stack:
        stack.callback(_unmount, folder)
        stack.callback(made.end)
        made.start(consul_port, beside)
        stack.callback(made.wipe)
        yield made


def _unmount(folder: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", mount], check=False, capture_output=True)
