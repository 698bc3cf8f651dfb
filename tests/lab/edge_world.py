"""A mesh on one node and a worker on another, behind the router of somebody's home: it reaches the managers only.

All of it is in namespaces of the run. The mesh is one datacenter with Consul under ACLs, a Fabio, an input, an output
and two managers; the worker is a real one that knows one address, and joined by a token.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import apsw

from engine_processes import Child, ask
from hoploom import engines
from hoploom.ping_service.identity_folder import IdentityFolder
from hoploom.wire.enrolment import Enrolled
from lab.acls import Acls
from lab.datacenter import HOME, TOKEN, Datacenter, Site
from lab.home_router import HomeRouter
from lab.node_links import NodeLinks
from lab.warp import Warp, library
from waiting import until

MESH, EDGE = 1, 2
_JOIN = """
import asyncio
from pathlib import Path
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import enrolling
from hoploom.ping_service.identity_folder import Enrolment, IdentityFolder

async def join():
    http, folder = HttpClient(), IdentityFolder(Path({folder!r}))
    answer = await enrolling.enrol(http, {url!r}, {token!r}, folder.key())
    folder.write(Enrolment(mesh_url={url!r}, answer=answer))
    await http.close()

asyncio.run(join())
"""
MANAGERS = (9301, 9302)
NAME = "pi-vaasa"
CAMPAIGN = "from-home"


class Stored(NamedTuple):
    """What an output has on its disk.

    Attributes:
        rows: Rows of results.
        different: Different ones by their batch and address: as many, or a batch was stored twice.
        targets: Different targets among them.
        batches: Batches.
        workers: Names and numbers of the workers whose they are.
    """

    rows: int
    different: int
    targets: int
    batches: int
    workers: frozenset[tuple[str, int]]


class EdgeMesh(Datacenter):
    """The mesh, with managers and without a worker of its own."""

    def __init__(self, site: Site) -> None:
        """Write all configurations."""
        super().__init__(site, MESH)
        words = ["--operator-token-file", str(self.token)]
        self.managers = {
            port: self._child(f"manager-{port}", [*self._service("manager", port), *words]) for port in MANAGERS
        }
        self.output_process = self.services[-1]

    def children(self) -> list[Child]:
        """All but Consul; the workers are elsewhere."""
        return [self.fabio, *self.services, *self.managers.values()]

    def manager(self, port: int) -> str:
        """Where a manager answers."""
        return self.output.replace(self.output.rpartition(":")[2], str(port))


class EdgeWorld:
    """Mesh, router and worker, while this is entered as a context, in a thread whose namespace is the run's own."""

    def __init__(self, folder: Path, *, warps: bool = False) -> None:
        """Start nothing yet.

        Args:
            folder: An empty folder.
            warps: Whether the worker's clocks will run faster for a while.
        """
        self.folder, self.links, self._stack = folder, NodeLinks(2), ExitStack()
        self.warp = Warp(folder / "warp", library()) if warps else None
        self.spool, self._identity = folder / "edge" / "spool", folder / "edge" / "identity"

    def __enter__(self) -> Self:
        made = engines.ensure(["consul", "fabio"], report=_say)
        with ExitStack() as stack:
            stack.enter_context(self.links)
            acls = Acls(self.folder / "tokens", HOME)
            site = Site({name: engine.path for name, engine in made.items()}, self.folder, self.links, acls, 1)
            self.mesh = EdgeMesh(site)
            self.router = HomeRouter(f"node{EDGE}", f"node{MESH}", self.links.address(MESH))
            self.router.begin(MANAGERS)
            self.mesh.boot(stack)
            self.mesh.begin(stack)
            until("a mesh that is settled", self._settled, 20)
            self.number = self.joined(NAME, self._identity).number
            self.worker = self._worker()
            stack.callback(self.worker.stop, kill=True)
            self.worker.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def campaign(self, block: str, rate_pps: int) -> int:
        """Have a block mapped by the worker; the number of the campaign."""
        wishes = {"blocks": [block], "rate_pps": rate_pps, "allow_private": True, "probe": {"count": 1}}
        assert self.mesh.post("/api/v1/campaigns", id=CAMPAIGN, **wishes) == 201
        return int(self.mesh.campaign(CAMPAIGN)["campaign"]["number"])

    @property
    def done(self) -> int:
        """Targets that are done."""
        groups = self.mesh.campaign(CAMPAIGN).get("groups", {})
        return int(groups.get(NAME, {}).get("done", 0))

    @property
    def finished(self) -> bool:
        """Whether every target is."""
        return bool(self.mesh.campaign(CAMPAIGN).get("groups", {}).get(NAME, {}).get("finished"))

    def segments(self) -> list[Path]:
        """What waits in the worker's spool."""
        return list(self.spool.glob("*.segment"))

    def probed(self) -> int:
        """Echo requests that came to the worker's own addresses: every probe, as the kernel has counted them."""
        read = subprocess.run(self.links.within(EDGE, ["cat", "/proc/net/snmp"]), capture_output=True, check=True)
        names, values = [line.split() for line in read.stdout.decode().splitlines() if line.startswith("Icmp:")]
        return int(values[names.index("InEchos")])

    def stored(self) -> Stored:
        """What the output has stored."""
        rows, batches = list[tuple[str, str]](), list[tuple[str, int]]()
        # Beside its files lies what it has added up.
        for path in sorted(self.mesh.store.glob("*-*.db")):
            with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as store:
                rows += store.execute("SELECT batch, address FROM ping_results JOIN batches USING (batch_key)")
                batches += store.execute("SELECT worker, worker_number FROM batches")
        targets = {address for _, address in rows}
        return Stored(len(rows), len(set(rows)), len(targets), len(batches), frozenset(batches))

    def gateway(self, port: int) -> dict[str, float]:
        """What a manager has counted: requests relayed by kind and status, and bytes by direction."""
        with urllib.request.urlopen(f"{self.mesh.manager(port)}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if "_gateway_" in line[:20]}

    def narrow(self, bytes_s: int) -> None:
        """Let so many bytes a second out of the home, and keep the others waiting; 0 for as many as come."""
        device = ["dev", "eth0", "root"]
        subprocess.run(self.links.within(EDGE, ["tc", "qdisc", "del", *device]), capture_output=True, check=False)
        if bytes_s:
            shape = ["tbf", "rate", f"{bytes_s * 8}bit", "burst", "4000", "latency", "2s"]
            subprocess.run(self.links.within(EDGE, ["tc", "qdisc", "add", *device, *shape]), check=True)

    def answers(self, port: int) -> bool:
        """Whether a manager does."""
        return ask("GET", f"{self.mesh.manager(port)}/api/v1/overview", None, TOKEN) is not None

    def _settled(self) -> bool:
        return self.mesh.settled() and all(map(self.answers, MANAGERS))

    def _worker(self) -> Child:
        words = [
            *("--mesh-url", self.router.url, "--identity-dir", str(self._identity)),
            *("--spool-dir", str(self.spool), "--allow-private", "true"),
        ]
        environ = [f"{name}={value}" for name, value in (self.warp.environ() if self.warp else {}).items()]
        command = ["env", *environ, sys.executable, "-m", "hoploom.ping_service", *words]
        return Child(self.links.within(EDGE, command), self.folder / "edge.log")

    def joined(self, name: str, folder: Path | None = None) -> Enrolled:
        """Make a worker one of the mesh's, from behind the router, by a token that an operator is given.

        Args:
            name: Its name.
            folder: Where its identity is kept; None for one that nobody needs later.
        """
        asked = {"v": 1, "name": name, "place": "behind a router"}
        wanted = urllib.request.Request(
            f"{self.mesh.manager(MANAGERS[0])}/api/v1/workers/invites", json.dumps(asked).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(wanted, timeout=10) as answer:
            token = json.loads(answer.read())["token"]
        kept = IdentityFolder(folder or self.folder / name)
        script = _JOIN.format(folder=str(kept.path), url=self.router.url, token=token)
        subprocess.run(self.links.within(EDGE, [sys.executable, "-c", script]), check=True)
        enrolment = kept.read()
        assert enrolment
        return enrolment.answer


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
