"""The playbooks keep to ansible-lint's strictest profile, and to the syntax of the locked ansible-core."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from playbook_plugins import ANSIBLE

BIN = Path(sys.executable).parent
pytestmark = pytest.mark.skipif(not (BIN / "ansible-lint").exists(), reason="ansible-lint is not installed")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1", "ANSIBLE_HOME": str(folder)}
    return subprocess.run(command, cwd=ANSIBLE, env=environ, capture_output=True, text=True, check=False)


def test_ansible_lint_finds_nothing_by_its_production_profile(tmp_path: Path) -> None:
    done = run(tmp_path, "ansible-lint", "--offline", "--nocolor", "--profile", "production", ".")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed: 0 failure(s), 0 warning(s)" in done.stderr + done.stdout, done.stderr


def test_a_fault_is_seen_by_it(tmp_path: Path) -> None:
    play = tmp_path / "play.yml"
    play.write_text("- hosts: all\n  tasks:\n    - shell: echo hello\n", encoding="ascii")
    done = run(tmp_path, "ansible-lint", "--offline", "--nocolor", "--profile", "production", str(play))
    assert done.returncode != 0 and "name[play]" in done.stdout


@pytest.mark.parametrize("playbook", sorted(path.name for path in ANSIBLE.glob("*.yml") if path.stem != "requirements"))
def test_ansible_reads_every_playbook_with_the_example_inventory(playbook: str, tmp_path: Path) -> None:
    done = run(tmp_path, "ansible-playbook", "-i", "inventories/example", "--syntax-check", playbook)
    assert done.returncode == 0, done.stderr
