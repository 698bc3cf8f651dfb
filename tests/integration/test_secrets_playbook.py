"""`secrets.yml` adds what is missing to the Vault file, and keeps whatever else the inventory has there."""

import json
import os
import subprocess
from pathlib import Path

from lab.hosts.lab import ANSIBLE, ansible

MAIL = "monitoring_mail_password: sesame\n"


def test_other_secrets_of_the_vault_file_stay(tmp_path: Path) -> None:
    vault = tmp_path / "group_vars" / "all" / "vault.yml"
    vault.parent.mkdir(parents=True)
    vault.write_text(f"{MAIL}hoploom_secrets: {{worker_token: known}}\n", encoding="utf-8")
    inventory, password = tmp_path / "hosts.yml", tmp_path / "password"
    inventory.write_text(json.dumps({"all": {"hosts": {"a1": {"ansible_host": "192.0.2.1"}}}}), encoding="utf-8")
    password.write_text("open\n", encoding="utf-8")
    environ = {**os.environ, "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_VAULT_PASSWORD_FILE": str(password)}

    def run(*words: str) -> str:
        ended = subprocess.run([ansible(words[0]), *words[1:]], cwd=ANSIBLE, env=environ, capture_output=True,
                               text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    assert "changed=1" in run("ansible-playbook", "-i", str(inventory), "secrets.yml")
    assert vault.read_text(encoding="utf-8").startswith("$ANSIBLE_VAULT;")
    said = run("ansible-vault", "view", str(vault))
    assert MAIL in said and "worker_token: known" in said and "consul_gossip_key: " in said
    assert "changed=0" in run("ansible-playbook", "-i", str(inventory), "secrets.yml")
