"""The tables of `ansible/README.md` say what the sources say."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from footprint import parts, variables
from hoploom.wire import routes
from playbook_plugins import ANSIBLE

ROOT = ANSIBLE.parent
ROLES = ANSIBLE / "roles"
README = (ANSIBLE / "README.md").read_text(encoding="utf-8")
# Consul's own, which no template names.
CONSULS = {"8300", "8301", "8302"}
SSH = {"22"}
_RULE = re.compile(r'^(?:key|key_prefix) "([^"]*)" \{\s*policy = "write"', re.MULTILINE)


def table(title: str) -> list[list[str]]:
    """Rows of the table below a bold title, as cells of plain text."""
    after = README.split(f"\n**{title}**", 1)[1].split("\n**", 1)[0].split("\n## ", 1)[0]
    rows = [line.strip("|").split(" | ") for line in after.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def codes(title: str, column: int = 0) -> list[str]:
    """What stands in a column in code type."""
    return [each for row in table(title) for each in re.findall("`([^`]+)`", row[column])]


def numbers(value: object) -> set[str]:
    """Every port that a variable names."""
    return set(re.findall(r"(?<![\d.])\d{3,5}(?![\d.])", str(value)))


def ports() -> set[str]:
    """Ports in the templates and variables of the roles."""
    consul = (ROLES / "consul/templates/consul.hcl.j2").read_text(encoding="utf-8")
    block = re.search(r"ports \{\n(.*?)\n\}", consul, re.DOTALL)
    assert block is not None
    nomad, fabio, monitoring = (variables(ROLES / name) for name in ("nomad", "fabio", "monitoring"))
    said = [
        {name: port for name, port in nomad["nomad_values"]["ports"].items() if not name.startswith("tasks")},
        nomad["nomad_rpc_port"], fabio["fabio_values"]["ports"], fabio["fabio_https"], fabio["fabio_http_port"],
        monitoring["monitoring_ports"], monitoring["monitoring_exporter_port"], monitoring["monitoring_prometheus"],
        monitoring["monitoring_alertmanager"], block.group(1),
    ]
    tasks = f"{nomad['nomad_first_port']}-{nomad['nomad_last_port']}"
    return set().union(*map(numbers, said), CONSULS, SSH, {tasks})


def writers() -> Mapping[str, set[str]]:
    """Which services may write below each key."""
    found: dict[str, set[str]] = {}
    for service in ("input", "output", "manager", "ping", "fabio", "prometheus", "routing"):
        text = (ROOT / f"consul/policies/{service}.hcl").read_text(encoding="utf-8")
        for key in _RULE.findall(text):
            found.setdefault(key, set()).add(service)
    return found


def test_every_port_is_in_the_table() -> None:
    assert {row[0].split()[0] for row in table("Ports")} == ports()


def test_every_port_on_loopback_is_said_to_be_there() -> None:
    monitoring = variables(ROLES / "monitoring")
    rows = {row[0].split()[0]: row for row in table("Ports")}
    for name in ("monitoring_prometheus", "monitoring_alertmanager"):
        address, _, port = monitoring[name].rpartition(":")
        assert rows[port][2] == address
    for folder, port in (("nomad/server.hcl.j2", "4646"), ("nomad/client.hcl.j2", "4656")):
        assert 'http = "127.0.0.1"' in (ROOT / folder).read_text(encoding="utf-8")
        assert rows[port][2] == "127.0.0.1"


def test_every_user_is_in_the_table() -> None:
    users = {user for row in parts().values() for user in row.get("users", ())}
    assert set(codes("Users")) == users | {"root"}


def test_every_unit_is_in_the_table() -> None:
    units = {path.stem for path in ROLES.rglob("*.j2") if path.stem.endswith((".service", ".timer"))}
    assert set(codes("Units")) == units - {"agent.service"} | {"nomad.service", "nomad-server.service"}


@pytest.mark.parametrize("path", sorted({each for row in parts().values() for each in row["paths"]}))
def test_every_path_of_the_footprint_is_below_one_in_the_table(path: str) -> None:
    assert any(path == each or path.startswith(f"{each}/") for each in codes("Paths"))


def test_every_key_and_who_writes_it_is_in_the_table() -> None:
    title = "Keys in Consul's KV store"
    said = {row[0].strip("`"): set(row[1].split(", ")) for row in table(title)}
    assert {key: who for key, who in said.items() if key not in ("hoploom/epoch", "fabio/")} == writers()


def test_every_key_that_the_services_name_is_below_one_in_the_table() -> None:
    keys = codes("Keys in Consul's KV store")
    # A mark of `hoploom up --attach`, never on hosts.
    named = {key for path in (ROOT / "services/hoploom").rglob("*.py")
             for key in re.findall(r'= "(hoploom/[a-z-]+)', path.read_text(encoding="utf-8"))} - {"hoploom/mesh"}
    assert len(named) > 3
    assert [key for key in named if not any(each.startswith(key) for each in keys)] == []


def test_every_route_of_a_service_is_in_its_row() -> None:
    rows = {row[0].strip("`"): row[2] for row in table("Services and tags in Consul")}
    for service, paths in (("input", routes.INPUT), ("output", routes.OUTPUT)):
        assert re.findall("`(/[^`]+)`", rows[service]) == list(paths)


def test_every_service_that_a_policy_allows_is_in_the_table() -> None:
    policies = (ROOT / "consul/policies").glob("*.hcl")
    texts = [path.read_text(encoding="utf-8") for path in policies]
    allowed = {name for text in texts for name in re.findall(r'^service "(\S+)"', text, re.MULTILINE)}
    assert set(codes("Services and tags in Consul")) == allowed


def test_every_job_its_memory_and_who_submits_it_is_in_the_table() -> None:
    rows = {row[0].strip("`"): row for row in table("Jobs in Nomad")}
    submitted: list[str] = variables(ROLES / "nomad")["nomad_jobs"]
    for path in (ROOT / "nomad").glob("*.nomad.hcl"):
        text, name = path.read_text(encoding="utf-8"), path.name.partition(".")[0]
        memory = re.search(r'variable "memory" \{.*?default\s*= (\d+)', text, re.DOTALL)
        assert memory is not None
        row: Any = rows.pop(f"hoploom-{name}")
        assert row[3].split()[0] == memory.group(1)
        assert row[2].startswith("yes" if name in submitted else "no")
    assert rows == {}
