"""All mistakes of an inventory are one message of `site.yml`, before any host is asked for anything."""

import json
import os
import subprocess
from pathlib import Path

from lab.hosts.lab import ANSIBLE, ansible

# An address of nobody (RFC 5737): the run must end before anybody would connect to it.
HOSTS = {"a1": {"ansible_host": "192.0.2.1", "hoploom_dc": "dc1"}, "b1": {"ansible_host": "192.0.2.1"}}
VARIABLES = {"hoploom_networks": ["10.71.0.0/16"], "nomad_job_variables": {"input": {"cuont": 3}}}


def test_mistakes_of_an_inventory_are_told_together_and_no_host_is_asked(tmp_path: Path) -> None:
    inventory = {"all": {"hosts": HOSTS, "vars": VARIABLES, "children": {"consul_servers": {"hosts": {"a1": {}}}}}}
    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps(inventory), encoding="utf-8")
    # A shell that writes a file in place of ssh says whether a host was asked.
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexit 255\n", encoding="utf-8")
    ssh.chmod(0o755)
    environ = {**os.environ, "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_SSH_EXECUTABLE": str(ssh)}
    ended = subprocess.run([ansible("ansible-playbook"), "-i", str(path), "site.yml"], cwd=ANSIBLE, env=environ,
                           capture_output=True, text=True, check=False)
    # In YAML's quotes an apostrophe is two.
    said = " ".join(ended.stdout.split()).replace("''", "'")
    assert ended.returncode != 0 and said.count("msg: 'Nothing was changed: ") == 1, ended.stdout + ended.stderr
    for problem in (
        "b1: its datacenter's group says no hoploom_dc",
        "say in group_vars/all which datacenter is hoploom_home_dc (dc1)",
        "have the same address 192.0.2.1",
        "a1: its address 192.0.2.1 is in none of hoploom_networks",
        "the Vault file lacks ca_certificate",
        "nomad/input.nomad.hcl has no variable cuont",
    ):
        assert problem in said, said
    assert not (tmp_path / "asked").exists()
