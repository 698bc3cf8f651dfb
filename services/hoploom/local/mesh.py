"""Brings a local mesh up and down. Each step looks first and acts only on what is missing, so a second `up` goes on.

Up: engines -> Consul (ACLs, leftovers of a crash) -> Fabio, Nomad -> jobs -> every instance passing and routed.
Down: jobs stopped, so that the services drain -> Nomad client, server -> Fabio -> Consul -> whatever is left.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hoploom import __version__, engines
from hoploom.kit.deploy import deploy_root
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.local import ports, processes, queries, tokens
from hoploom.local.consul_agent import ConsulAdmin
from hoploom.local.nomad_agent import NomadAdmin, agent_values
from hoploom.local.places import Places
from hoploom.local.processes import Process
from hoploom.local.render import render
from hoploom.local.until import until

Say = Callable[[str, str], None]
DC, NODE = "dc1", "local"
GROUP = "local"
# In the order of their start; stopped in reverse.
ENGINES = ("consul", "fabio", "nomad-server", "nomad-client")
KIT_ENGINES = ("consul", "fabio")
ROUTED_TIMEOUT_S = 90.0
COLLECTING_MB = 512
"""Memory of each output instance, of which one collects: an output takes some 100 MB, collecting 140 more."""

_STOP_TIMEOUT_S = {"consul": 10.0, "fabio": 10.0, "nomad-server": 10.0, "nomad-client": 10.0}
# The services' own drain and Nomad's kill time-out lie within 30 s.
_DRAINED_TIMEOUT_S = 40.0
# Set by agents and CLIs of other meshes; ours is told everything by its files.
_FOREIGN = ("CONSUL_", "NOMAD_", "HOPLOOM_")


@dataclass(frozen=True)
class Counts:
    """How many instances of each service."""

    input: int = 1
    output: int = 1
    manager: int = 1
    ping: int = 1

    def as_dict(self) -> dict[str, int]:
        """By service name."""
        return {"input": self.input, "output": self.output, "manager": self.manager, "ping": self.ping}


class LocalMesh:
    """One mesh on this machine. Its methods are steps of `up`, `down` and `status`."""

    def __init__(self, places: Places, say: Say) -> None:
        """Know where the state is, and whom to tell."""
        self.places, self._say = places, say
        self.record: dict[str, Any] = places.read()
        self.http = HttpClient()

    @property
    def ports(self) -> Mapping[str, int]:
        """The ports of this mesh."""
        found: dict[str, int] = self.record["ports"]
        return found

    @property
    def fabio_url(self) -> str:
        """Where people and workers reach the services."""
        return f"http://127.0.0.1:{self.ports['fabio_proxy']}"

    def process(self, name: str) -> Process | None:
        """A recorded engine process, if that very process still runs."""
        known = self.record.get("processes", {}).get(name)
        process = Process(int(known["pid"]), str(known["started"])) if known else None
        return process if process and process.alive else None

    def running(self) -> bool:
        """Whether any engine of this mesh runs."""
        return any(self.process(name) for name in ENGINES)

    def require_running(self) -> None:
        """Raises ConfigError when there is no mesh to ask."""
        if not self.process("consul"):
            raise ConfigError(f"no mesh {self.places.mesh!r} is running (start it with `hoploom up`)")

    def consul(self) -> ConsulAdmin:
        """The owner's view of Consul."""
        return ConsulAdmin(self.http, self.ports["consul_http"], tokens.read(self.places)["management"])

    def nomad(self) -> NomadAdmin:
        """The owner's view of Nomad."""
        binary = Path(self.record.get("engines", {}).get("nomad", "nomad"))
        return NomadAdmin(self.http, self.ports["nomad_http"], tokens.read(self.places)["nomad"], binary)

    async def up(self, counts: Counts, found: Mapping[str, engines.Engine], *, only_kit: bool = False) -> None:
        """Bring everything up that is not; raises ConfigError with the way out when a step is not reached."""
        self.places.make()
        secrets = tokens.ensure(self.places)
        self._settle_ports()
        self.record["engines"] = {name: str(engine.path) for name, engine in found.items()}
        self._save()
        await self._consul_up(secrets)
        self._start_fabio(secrets)
        if not only_kit:
            await self._nomad_up()
            await self._submit(counts)
        wanted = {} if only_kit else counts.as_dict()
        await self._until_routed(wanted)

    def _settle_ports(self) -> None:
        known: dict[str, int] = self.record.get("ports", {})
        if self.running() or (known and all(ports.is_free(known[name]) for name in ports.USUAL if name in known)):
            # A mesh of an older version has fewer listeners.
            self.record["ports"] = {**ports.choose(), **known}
            return
        self.record = {"v": 1, "version": __version__, "processes": {}, "ports": ports.choose()}
        others = ports.moved(self.record["ports"])
        if others:
            text = ", ".join(f"{usual} is taken: using {port}" for usual, port in others.items())
            self._say("ports", text)

    def _save(self) -> None:
        self.places.write(self.record)

    def _start(self, name: str, command: list[str]) -> bool:
        if self.process(name):
            return False
        environ = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
        process = processes.start(command, self.places.logs / f"{name}.log", environ)
        self.record.setdefault("processes", {})[name] = process.as_dict()
        self._save()
        return True

    def _values(self, secrets: Mapping[str, str]) -> dict[str, Any]:
        root = self.places.root
        return {
            "dc": DC,
            "node": NODE,
            "ports": self.ports,
            "tokens": secrets,
            "data_dir": str(root / "consul"),
            "server_dir": str(root / "nomad-server"),
            "client_dir": str(root / "nomad-client"),
            **agent_values(self.ports["nomad_rpc"]),
        }

    async def _consul_up(self, secrets: dict[str, str]) -> None:
        folder = self.places.root / "consul.d"
        render("consul/agent.hcl.j2", self._values(secrets), folder / "agent.hcl")
        routes = folder / "fabio-routes.hcl"
        started = self._start("consul", [self._engine("consul"), "agent", f"-config-dir={folder}"])
        await self._alive("consul", self.consul().ready())
        await self.consul().fill_acl(secrets)
        await queries.fill(self.consul())
        render("consul/fabio-routes.hcl.j2", self._values(secrets), routes)
        await self.consul().reload()
        if started:
            for service_id in await self.consul().clean_up():
                self._say("cleaned", f"{service_id}: registered, and nobody there (left by a crash)")

    def _start_fabio(self, secrets: Mapping[str, str]) -> None:
        path = render("fabio/fabio.properties.j2", self._values(secrets), self.places.root / "fabio.properties")
        self._start("fabio", [self._engine("fabio"), "-cfg", str(path)])

    async def _nomad_up(self) -> None:
        for half in ("server", "client"):
            path = render(f"nomad/{half}.hcl.j2", self._values({}), self.places.root / f"nomad-{half}.hcl")
            self._start(f"nomad-{half}", [self._engine("nomad"), "agent", f"-config={path}"])
            if half == "server":
                await self._alive("nomad-server", self.nomad().ready())
        await self._alive("nomad-client", self.nomad().node_ready())

    def _engine(self, name: str) -> str:
        return str(self.record["engines"][name])

    async def _alive(self, name: str, ready: Any) -> None:
        """Wait for an engine to be ready, but no longer than it lives."""
        waiting = asyncio.ensure_future(ready)
        while not waiting.done():
            await asyncio.wait([waiting], timeout=0.2)
            if not waiting.done() and not self.process(name):
                waiting.cancel()
                raise ConfigError(f"{name} ended at once: {self.last_words(name)}")
        await waiting

    def last_words(self, name: str) -> str:
        """The last line of an engine's log."""
        log = self.places.logs / f"{name}.log"
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
        return f"{lines[-1].strip() if lines else 'it said nothing'} (whole log: {log})"

    async def _submit(self, counts: Counts) -> None:
        nomad, jobs = self.nomad(), deploy_root() / "nomad"
        common = {
            "datacenters": f'["{DC}"]',
            "driver": "raw_exec",
            "user": "",
            "command": sys.executable,
            "version": __version__,
            "consul_addr": f"http://127.0.0.1:{self.ports['consul_http']}",
            "fabio_addr": self.fabio_url,
            "token_dir": str(self.places.tokens),
        }
        data = {"data_dir": str(self.places.data)}
        own: dict[str, dict[str, str]] = {
            "output": {**data, "data_set": str(self.places.data_set), "memory": str(COLLECTING_MB)},
            "ping": {
                **data,
                "scheduler": "service",
                "group": GROUP,
                "worker_prefix": f"{_host_name()}-",
                "allow_private": "true",
                "loopback_will_do": "true",
            },
        }
        for name, count in counts.as_dict().items():
            variables = {**common, "count": str(count), **own.get(name, {})}
            await nomad.run(jobs / f"{name}.nomad.hcl", variables)

    async def _until_routed(self, wanted: Mapping[str, int]) -> None:
        try:
            await until("all instances passing in Consul and listed by Fabio", lambda: self._routed(wanted),
                        ROUTED_TIMEOUT_S, "see `hoploom status`")
        except ConfigError as error:
            reasons = [f"{name}: {self.last_words(name)}" for name in ENGINES if not self.process(name) and wanted]
            reasons += await self.nomad().complaints() if wanted else []
            raise ConfigError(f"{error}. {' '.join(reasons)}".strip()) from error

    async def _routed(self, wanted: Mapping[str, int]) -> bool:
        answer = await self.http.request("GET", f"{self.fabio_url}/_mesh/{NODE}/api/routes")
        if not answer.ok:
            return False
        listed = [route["service"] for route in answer.json()]
        for name, count in wanted.items():
            # A worker that may not probe here says so by a warning; the mesh is up all the same.
            wanted_status = ("passing", "warning") if name == "ping" else ("passing",)
            good = [entry for entry in await self.consul().health(name) if _is(entry, wanted_status)]
            routes = {route["dst"] for route in answer.json() if route["service"] == name}
            if len(good) < count or (name != "ping" and len(routes) < count):
                return False
        return bool(listed)

    async def down(self, *, purge: bool = False) -> None:
        """Stop everything, gracefully first; afterwards no process of this mesh is left."""
        if self.process("nomad-server") and self.process("consul"):
            await self._stop_jobs()
        for name in reversed(ENGINES):
            process = self.process(name)
            if process and not await asyncio.to_thread(processes.stop, process, _STOP_TIMEOUT_S[name]):
                self._say("stopped", f"{name} had to be killed")
        for stray in processes.strays(self.places.root):
            await asyncio.to_thread(processes.stop, stray, 15.0)
        self.record["processes"] = {}
        if purge:
            self._purge()
        elif self.places.root.exists():
            self._save()

    async def _stop_jobs(self) -> None:
        nomad = self.nomad()
        try:
            for name in ("ping", "manager", "input", "output"):
                await nomad.stop(name)
            await until("the end of all services", self._drained, _DRAINED_TIMEOUT_S)
        except (ConfigError, Unavailable) as error:
            self._say("stopped", f"not all services drained: {error}")

    async def _drained(self) -> bool:
        if await self.nomad().running():
            return False
        # What died uncleanly before would stay registered for a minute.
        await self.consul().clean_up()
        return not await self.consul().registered()

    def _purge(self) -> None:
        if not self.places.root.exists():
            return
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if Path("/proc/mounts").exists() else []
        below = [line.split()[1] for line in mounts if line.split()[1].startswith(f"{self.places.root}/")]
        for mount in sorted(below, reverse=True):
            subprocess.run(["umount", mount], check=False, capture_output=True)
        shutil.rmtree(self.places.root, ignore_errors=False)

    async def close(self) -> None:
        """Close the connections."""
        await self.http.close()


def _is(entry: Mapping[str, Any], statuses: tuple[str, ...]) -> bool:
    return all(check["Status"] in statuses for check in entry["Checks"])


def _host_name() -> str:
    name = "".join(each if each.isalnum() or each == "-" else "-" for each in socket.gethostname().split(".")[0])
    return name.lower()[:40] or "worker"
