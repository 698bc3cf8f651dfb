"""The job files against the services that they run."""

import argparse
import re
from pathlib import Path

import pytest
import yaml

from hoploom.cli import collect
from hoploom.engines import pins
from hoploom.kit import lifecycle
from hoploom.kit.settings import Settings
from hoploom.local import ports
from hoploom.local.nomad_agent import agent_values
from hoploom.local.render import render
from job_variables import table, variables

FOLDER = Path(__file__).resolve().parents[2] / "nomad"
JOBS = sorted(FOLDER.glob("*.nomad.hcl"))
SERVICES = [job for job in JOBS if 'type        = "batch"' not in job.read_text(encoding="utf-8")]


def one(text: str, name: str) -> str:
    found = re.search(rf'^\s*{name}\s*=\s*"?([^"\n]+)"?$', text, re.MULTILINE)
    assert found, f"no {name}"
    return found[1]


def seconds(text: str, name: str) -> float:
    return float(one(text, name).removesuffix("s"))


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_nomad_waits_longer_than_the_drain_takes(job: Path) -> None:
    drain_s = (
        lifecycle.HAND_OVER_CAP_S
        + lifecycle.UNROUTED_CAP_S
        + lifecycle.SETTLE_S
        + Settings().drain_s
        + 2 * lifecycle.TELL_CAP_S
        + lifecycle.SHUTDOWN_S
        + lifecycle.LEFT_CAP_S
    )
    kill_timeout_s = seconds(job.read_text(encoding="utf-8"), "kill_timeout")
    assert drain_s < kill_timeout_s <= 30, "a client that says nothing else cuts more than 30 s without a word"
    client = (FOLDER / "client.hcl.j2").read_text(encoding="utf-8")
    assert kill_timeout_s <= seconds(client, "max_kill_timeout")


def test_nomad_and_systemd_wait_longer_than_fabio_takes_to_leave() -> None:
    role = FOLDER.parent / "ansible" / "roles" / "fabio"
    leaving = yaml.safe_load((role / "vars" / "main.yml").read_text(encoding="utf-8"))["fabio_values"]["leaving"]
    leaving_s = sum(float(each.removesuffix("s")) for each in leaving.values())
    assert leaving_s < seconds((FOLDER / "fabio.nomad.hcl").read_text(encoding="utf-8"), "kill_timeout")
    unit = (role / "templates" / "fabio.service.j2").read_text(encoding="utf-8")
    assert leaving_s < float(unit.partition("TimeoutStopSec=")[2].partition("\n")[0])


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_the_signal_is_written_out_and_no_secret_is_in_the_job(job: Path) -> None:
    text = job.read_text(encoding="utf-8")
    assert one(text, "kill_signal") == "SIGTERM"
    assert "X-Consul-Token" not in text


@pytest.mark.parametrize("job", SERVICES, ids=lambda path: path.name)
def test_a_service_is_gated_by_nomads_own_registry(job: Path) -> None:
    assert 'provider = "nomad"' in job.read_text(encoding="utf-8")


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_every_variable_is_described_and_has_a_default(job: Path) -> None:
    found = variables(job)
    assert len(found) == job.read_text(encoding="utf-8").count("\nvariable ")
    assert all(each.type and each.description for each in found)
    assert job.read_text(encoding="utf-8").count("\n  default     = ") == len(found)


def test_a_variable_says_the_same_in_every_job() -> None:
    said: dict[str, set[tuple[str, str]]] = {}
    for each in (variable for job in JOBS for variable in variables(job)):
        said.setdefault(each.name, set()).add((each.type, each.description))
    assert [name for name, texts in said.items() if len(texts) > 1] == []


def test_the_table_of_variables_in_the_readme_is_that_of_the_files() -> None:
    assert table(JOBS) in (FOLDER / "README.md").read_text(encoding="utf-8"), table(JOBS)


def test_fabio_is_run_from_where_its_pinned_version_is_installed() -> None:
    releases = FOLDER.parent / "services" / "hoploom" / "engines" / "releases.toml"
    version = pins.read(releases.read_text(encoding="utf-8"))["fabio"].version
    [command] = [each.default for each in variables(FOLDER / "fabio.nomad.hcl") if each.name == "command"]
    assert command == f"/opt/hoploom/engines/fabio-{version}/fabio"


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_an_isolated_task_has_no_capability_but_the_one_to_probe(job: Path) -> None:
    text = job.read_text(encoding="utf-8")
    asked = dict(re.findall(r'(cap_\w+)\s+= var\.driver == "exec" \? (.*) : null', text))
    assert asked == {"cap_drop": '["all"]', **({"cap_add": '["net_raw"]'} if job.name == "ping.nomad.hcl" else {})}
    assert re.findall(r'allow_caps\s+= (.*)', (FOLDER / "isolation.hcl").read_text(encoding="utf-8")) == ['["net_raw"]']


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_no_job_needs_what_nomads_http_interface_refuses(job: Path) -> None:
    assert not re.search(r"\b(dirname|basename|file|abspath|pathexpand)\(", job.read_text(encoding="utf-8"))


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_what_a_job_mounts_is_a_folder_that_its_client_has(job: Path) -> None:
    isolation = (FOLDER / "isolation.hcl").read_text(encoding="utf-8")
    hosts = dict(re.findall(r'host_volume "([\w-]+)" {\n\s+path\s+= "(.*)"', isolation))
    block = re.findall(r"  mounts = {\n(.*?)  }", job.read_text(encoding="utf-8"), re.DOTALL)[0]
    mounts = dict(re.findall(r'"([\w-]+)"\s+= (.*)', block))
    defaults = {f"var.{each.name}": each.default for each in variables(job)}
    known = {
        **defaults,
        'var.artifact_url == "" ? "/opt/hoploom" : ""': "/opt/hoploom",
        'regex_replace(var.config, "/[^/]*$", "")': str(Path(defaults.get("var.config", "")).parent),
    }
    assert {name: known[value] for name, value in mounts.items()} == {name: hosts[name] for name in mounts}


def test_the_one_job_that_is_no_service_is_the_periodic_collecting() -> None:
    [job] = set(JOBS) - set(SERVICES)
    text = job.read_text(encoding="utf-8")
    assert job.name == "collect.nomad.hcl"
    assert "prohibit_overlap = true" in text
    words = re.findall(r'[-\w.]+', re.findall(r"args\s+= \[(.*)\]", text)[0])
    parser = argparse.ArgumentParser()
    collect.add_arguments(parser)
    assert words[:3] == ["-m", "hoploom.cli", collect.NAME]
    assert parser.parse_args(words[3:]).once


@pytest.mark.parametrize(("service", "setting"), [("output", "HOPLOOM_DB_DIR"), ("ping", "HOPLOOM_SPOOL_DIR")])
def test_what_a_service_keeps_outlives_its_allocation_and_a_successor_waits_for_it(service: str, setting: str) -> None:
    text = next(job for job in JOBS if job.name == f"{service}.nomad.hcl").read_text(encoding="utf-8")
    assert one(text, setting) == f"${{var.data_dir}}/{service}-${{NOMAD_ALLOC_INDEX}}"
    drain_s, wait_s = Settings().drain_s + lifecycle.HAND_OVER_CAP_S, float(one(text, "HOPLOOM_WAIT_LOCK_S"))
    assert drain_s < wait_s < seconds(text, "kill_timeout") < seconds(text, "healthy_deadline")


def test_servers_of_hosts_meet_at_the_port_of_their_gossip_whatever_the_family(tmp_path: Path) -> None:
    values = {
        **agent_values(4647),
        "ports": ports.USUAL,
        "node": "a1",
        "dc": "dc1",
        "server_dir": "/var/lib/nomad/server",
        "nomad_servers": ["10.71.1.11:4647", "[fd71:1::12]:4647"],
        "servers_expected": 2,
        "tls": {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"},
    }
    text = render("nomad/server.hcl.j2", values, tmp_path / "server.hcl").read_text(encoding="utf-8")
    assert 'retry_join = ["10.71.1.11:4648", "[fd71:1::12]:4648"]' in text
    assert re.search(r"rpc +=\s*true", text)
    assert re.search(r"verify_server_hostname += true", text)


@pytest.mark.parametrize("job", JOBS, ids=lambda path: path.name)
def test_a_mesh_among_strangers_tells_its_prefixes(job: Path) -> None:
    text = job.read_text(encoding="utf-8")
    if "HOPLOOM_CONSUL_ADDR" in text:
        names = ("prefix", "service_prefix", "route_prefix")
        assert {name: one(text, f"HOPLOOM_{name.upper()}") for name in names} == {name: f"var.{name}" for name in names}
