"""`remove.yml` knows of every file, unit and user that the roles make."""

import re

import pytest

from footprint import parts, removed, written
from playbook_plugins import ANSIBLE

PATHS = written()
ROWS = parts()


@pytest.mark.parametrize("path", sorted(PATHS))
def test_what_a_role_writes_is_removed(path: str) -> None:
    assert removed(path, ROWS), f"{path} of {PATHS[path]} is not in ansible/vars/footprint.yml"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/consul.d/secrets.hcl", "/etc/default/prometheus-alertmanager", "/etc/prometheus/rules",
        "/etc/systemd/system/hoploom-certificates.timer", "/usr/local/bin/nomad",
        "/var/lib/prometheus/targets/consul.json",
        "/var/cache/fabio-1.7.2-linux_amd64", "/etc/rsyslog.d/30-hoploom.conf", "/usr/lib/sysusers.d/hoploom.conf",
    ],
)
def test_the_roles_are_read_for_such_paths(path: str) -> None:
    assert path in PATHS


@pytest.mark.parametrize("path", ["/etc/prometheus/console.yml", "/etc/nomad.db", "/etc/hosts", "/var/cache/apt"])
def test_what_is_somebody_elses_stays(path: str) -> None:
    assert not removed(path, ROWS)


def test_a_path_that_is_forgotten_is_seen() -> None:
    rows = {name: {**row, "paths": set(row["paths"]) - {"/etc/fabio"}} for name, row in ROWS.items()}
    assert removed("/etc/fabio/tls", ROWS) and not removed("/etc/fabio/tls", rows)


def test_every_user_that_a_role_makes_is_removed() -> None:
    text = (ANSIBLE / "roles/base/templates/sysusers.conf.j2").read_text(encoding="utf-8")
    made = {name for name in re.findall(r"^u (\S+)", text, re.MULTILINE) if "{" not in name}
    listed = re.search(r"for service in \[(.*)\]", text)
    assert listed is not None
    made |= {f"hoploom-{name}" for name in re.findall(r"'(\w+)'", listed.group(1))}
    assert made == {user for row in ROWS.values() for user in row.get("users", ())}
