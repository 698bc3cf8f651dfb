"""The job files as hosts run them: isolated, as users without rights, in two datacenters.

Input runs from where the playbooks unpack an archive, all others from an archive that Nomad fetches.
"""

import contextlib
import functools
import hashlib
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine_processes import ConsulAgent, FabioRouter
from hoploom import engines
from lab import job_hosts
from nomad_cluster import DATACENTERS, NOMAD, NomadCluster, cluster, flags, isolated, job_file
from waiting import until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="Nomad isolates tasks on Linux, as root"
)
CAP_NET_RAW = 1 << 13
JOBS = ("fabio", "input", "output", "manager", "ping")


@dataclass(frozen=True)
class Hosts:
    """Two hosts with all jobs on them.

    Attributes:
        folder: The hosts' folders, by datacenter, and all else.
        nomad: The Nomad of both.
        common: Variables that every job was given.
        artifact: Those of the archive; what is on the hosts is the same.
    """

    folder: Path
    nomad: NomadCluster
    consul: ConsulAgent
    router: FabioRouter
    common: dict[str, str]
    artifact: dict[str, str]

    def variables(self, job: str) -> dict[str, str]:
        """What a job was given."""
        if job == "fabio":
            port = self.router.url.rpartition(":")[2]
            own = {"datacenters": '["dc1"]', "command": "/opt/hoploom/fabio", "port": port}
            return {"user": self.common["user"], **own}
        return {**self.common, **({"count": "2"} if job == "input" else self.artifact)}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *words: _Quiet(*words, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, engine_paths: dict[str, Path]) -> Iterator[Hosts]:
    folder = tmp_path_factory.mktemp("hosts")
    binary = engines.ensure(["nomad"], report=print)["nomad"].path
    for dc in DATACENTERS:
        job_hosts.make(folder / dc)
    (folder / "served").mkdir()
    job_hosts.archive(folder / "served/hoploom.tar")
    for dc in DATACENTERS:
        job_hosts.install(folder / "served/hoploom.tar", folder / dc)
    sha256 = hashlib.sha256((folder / "served/hoploom.tar").read_bytes()).hexdigest()
    consul = ConsulAgent(engine_paths["consul"], folder / "consul")
    router = FabioRouter(engine_paths["fabio"], folder / "dc1/etc/fabio", "one", consul)
    (folder / "dc1/etc/fabio/consul-token").write_text("of nobody\n", encoding="ascii")
    for name in ("fabio.properties", "consul-token"):
        shutil.chown(folder / "dc1/etc/fabio" / name, job_hosts.TASK_USER)
    shutil.copy2(engine_paths["fabio"], folder / "dc1/opt/hoploom/fabio")
    consul.start()
    with (
        contextlib.closing(contextlib.ExitStack()) as stack,
        served(folder / "served") as url,
    ):
        stack.callback(consul.stop)
        nomad = stack.enter_context(
            cluster(binary, folder / "nomad", int(consul.url.rpartition(":")[2]), lambda dc: isolated(folder / dc))
        )
        common = {
            "user": job_hosts.TASK_USER,
            "datacenters": '["dc1", "dc2"]',
            "consul_addr": consul.url,
            "fabio_addr": router.url,
        }
        artifact = {"artifact_url": f"{url}/hoploom.tar", "artifact_checksum": f"sha256:{sha256}"}
        made = Hosts(folder, nomad, consul, router, common, artifact)
        submit_all(made)
        yield made


def submit_all(hosts: Hosts) -> None:
    hosts.router.enter()
    for job in JOBS:
        hosts.nomad.submit(job, hosts.variables(job))
    for job in JOBS:
        until(f"a healthy {job}", functools.partial(hosts.nomad.healthy, job), 40)


def test_nomads_http_interface_takes_every_job_file(hosts: Hosts) -> None:
    for file in sorted(NOMAD.glob("*.nomad.hcl")):
        job = file.name.removesuffix(".nomad.hcl")
        assert hosts.nomad.parsed(job, {})["ID"] == f"hoploom-{job}"
    [group] = hosts.nomad.parsed("fabio", {"config": "/srv/router/fabio.properties"})["TaskGroups"]
    places = {each["Volume"]: each["Destination"] for each in group["Tasks"][0]["VolumeMounts"]}
    assert places["hoploom-fabio"] == "/srv/router"


def processes(hosts: Hosts, job: str) -> list[Path]:
    """Folders in /proc of the tasks of a job."""
    ids = {f"NOMAD_ALLOC_ID={allocation['ID']}".encode() for allocation in hosts.nomad.running(job)}
    return [entry for entry in Path("/proc").glob("[0-9]*") if ids & environ(entry)]


def environ(process: Path) -> set[bytes]:
    with contextlib.suppress(OSError):
        return set((process / "environ").read_bytes().split(b"\0"))
    return set()


def status(process: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+):[\t ]*(.*)$", (process / "status").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    ("job", "count", "capabilities"),
    [("input", 2, 0), ("output", 1, 0), ("manager", 1, 0), ("ping", 2, CAP_NET_RAW), ("fabio", 1, 0)],
)
def test_a_task_runs_as_its_user_with_no_capability_but_the_one_it_needs(
    hosts: Hosts, job: str, count: int, capabilities: int
) -> None:
    found = [status(process) for process in processes(hosts, job)]
    assert len(found) == count, hosts.nomad.events(job)
    for each in found:
        assert each["Uid"].split() == ["65534"] * 4
        # This Nomad knows no group but 0, so tokens that several services read belong to it.
        assert (each["Gid"].split(), each["Groups"].strip()) == (["0"] * 4, "")
        assert [int(each[f"Cap{which}"], 16) for which in ("Bnd", "Prm", "Eff", "Amb")] == [capabilities] * 4


def test_ping_probes_by_raw_sockets(hosts: Hosts) -> None:
    raw = {line.split()[9] for line in Path("/proc/net/raw").read_text(encoding="ascii").splitlines()[1:]}
    for process in processes(hosts, "ping"):
        opened = {os.readlink(each) for each in (process / "fd").iterdir()}
        assert opened & {f"socket:[{inode}]" for inode in raw}


def test_a_task_sees_python_and_its_own_folders_and_nothing_else_of_the_host(hosts: Hosts) -> None:
    [process] = processes(hosts, "output")
    root = process / "root"
    assert sorted(each.name for each in (root / "usr/bin").iterdir()) == [f"python{job_hosts.PYTHON}", "readlink"]
    assert sorted(each.name for each in (root / "etc").iterdir() if each.name not in ("resolv.conf", "mtab")) == [
        "group",
        "hoploom",
        "hosts",
        "nsswitch.conf",
        "passwd",
    ]
    assert [each.name for each in (root / "var/lib/hoploom").iterdir()] == ["output"]
    assert not any((root / name).exists() for name in ("root", "home", "opt"))


def test_what_a_service_keeps_is_on_the_host_and_its_own(hosts: Hosts) -> None:
    kept = [each for dc in DATACENTERS for each in (hosts.folder / dc / "var/lib/hoploom").glob("*/*")]
    names = sorted(f"{each.parent.name}/{each.name}" for each in kept)
    assert names == ["output/output-0", "ping/ping-0", "ping/ping-0"]
    assert all(each.owner() == job_hosts.TASK_USER and any(each.iterdir()) for each in kept)


def test_instances_are_spread_over_the_datacenters(hosts: Hosts) -> None:
    for job in ("input", "ping"):
        assert nodes(hosts, job) == list(DATACENTERS)


@pytest.mark.parametrize("job", JOBS)
def test_the_same_job_again_changes_nothing(hosts: Hosts, job: str) -> None:
    ran = hosts.nomad.run("job", "plan", *flags(hosts.variables(job)), str(job_file(job)))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"artifact_checksum": ""}, "checksum value cannot be empty"),
        ({"artifact_checksum": "sha256:12"}, "invalid sha256 checksum"),
        ({"driver": "docker"}, "The driver is exec or raw_exec."),
        ({"no_such_variable": "1"}, 'A "no_such_variable" variable was passed in the command line but was not found'),
    ],
)
def test_a_wrong_variable_stops_before_anything_is_changed(hosts: Hosts, given: dict[str, str], said: str) -> None:
    before = hosts.nomad.ask("/v1/job/hoploom-manager")["JobModifyIndex"]
    ran = hosts.nomad.run("job", "run", *flags({**hosts.variables("manager"), **given}), str(job_file("manager")))
    assert ran.returncode == 1
    assert said in ran.stdout + ran.stderr
    assert hosts.nomad.ask("/v1/job/hoploom-manager")["JobModifyIndex"] == before


def test_the_periodic_job_collects_into_a_data_set(hosts: Hosts) -> None:
    collect(hosts, hosts.variables("collect"))
    until("the end of its run", lambda: "Exit Code: 0" in hosts.nomad.events_of_children("collect"), 30)
    assert [each.owner() for each in hosts.folder.glob("dc*/var/lib/hoploom/output/data-set")] == [job_hosts.TASK_USER]


def collect(hosts: Hosts, variables: dict[str, str]) -> None:
    hosts.nomad.submit("collect", {**variables, "cron": "0 0 1 1 *"})
    forced = hosts.nomad.run("job", "periodic", "force", "-detach", "hoploom-collect")
    assert forced.returncode == 0, forced.stderr


def test_nobody_runs_tasks_as_a_user_of_the_system(hosts: Hosts) -> None:
    collect(hosts, {"user": "daemon"})
    until("a refusal", lambda: "running as uid 1" in hosts.nomad.events_of_children("collect"), 15)


def test_an_archive_with_another_sum_is_refused_and_the_old_version_stays(hosts: Hosts) -> None:
    before = hosts.nomad.running("manager")
    (hosts.folder / "served/tampered.tar").write_bytes(b"something else")
    given = hosts.variables("manager")
    hosts.nomad.submit("manager", {**given, "artifact_url": given["artifact_url"].replace("hoploom.", "tampered.")})
    until("a refusal", lambda: "Checksums did not match" in hosts.nomad.events("manager"), 15)
    assert [each["ID"] for each in hosts.nomad.running("manager")] == [each["ID"] for each in before]


def test_a_stopped_task_drains(hosts: Hosts) -> None:
    [old] = hosts.nomad.running("output")
    ran = hosts.nomad.run("alloc", "stop", "-detach", old["ID"])
    assert ran.returncode == 0, ran.stderr
    until("its end", lambda: hosts.nomad.ask(f"/v1/allocation/{old['ID']}")["ClientStatus"] == "complete", 30)
    logs = hosts.nomad.run("alloc", "logs", "-stderr", old["ID"])
    assert '"stopped"' in logs.stdout, logs.stdout + logs.stderr
    assert "Exit Code: 0" in hosts.nomad.events("output")


def test_a_datacenter_that_is_cut_off_goes_on_and_takes_up_its_place_again(hosts: Hosts) -> None:
    [there] = [each["ID"] for each in hosts.nomad.running("input") if each["NodeName"] == "dc2"]
    hosts.nomad.cut("dc2")
    until("that it is missed", lambda: state(hosts, there) == "unknown", 20)
    until("somebody in its place", lambda: len(hosts.nomad.running("input")) == 2, 20)
    assert nodes(hosts, "input") == ["dc1", "dc1"]
    # Its results are there alone, and a worker belongs to its node: nobody takes their places.
    assert len(hosts.nomad.running("ping")) == 1
    hosts.nomad.join("dc2")
    until("it again", lambda: state(hosts, there) == "running", 20)
    until("one in each", lambda: nodes(hosts, "input") == ["dc1", "dc2"], 30)
    assert there in {each["ID"] for each in hosts.nomad.running("input")}


def nodes(hosts: Hosts, job: str) -> list[str]:
    return sorted(each["NodeName"] for each in hosts.nomad.running(job))


def state(hosts: Hosts, allocation: str) -> str:
    return str(hosts.nomad.ask(f"/v1/allocation/{allocation}")["ClientStatus"])


def test_the_files_are_formatted(hosts: Hosts) -> None:
    ran = hosts.nomad.run("fmt", "-check", "-recursive", str(NOMAD))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("job", (*JOBS, "collect"))
def test_a_file_is_valid_as_it_is(hosts: Hosts, job: str) -> None:
    ran = hosts.nomad.run("job", "validate", str(job_file(job)))
    assert (ran.returncode, "Warning" in ran.stdout) == (0, False), ran.stdout + ran.stderr
