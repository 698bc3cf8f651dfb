"""Runs a command as a user without any rights over the network, whatever files this Python lies in.

It keeps one capability, to read files and search folders: the interpreter may lie where only root looks, and nothing
about sockets or namespaces follows from it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SERVICES = Path(__file__).resolve().parents[2] / "services"
# Debian's `nobody`.
NOBODY = 65534
_KEPT = "-all,+dac_read_search"

needs_setpriv = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("unshare"),
    reason="becoming another user needs Linux, root and util-linux",
)


def as_nobody(*words: str, in_range: bool = False, is_apart: bool = True) -> subprocess.CompletedProcess[str]:
    """Run this Python with these words.

    Args:
        words: Arguments of the interpreter.
        in_range: Whether `ping_group_range` has the user in it.
        is_apart: Whether in a network namespace of its own; else in the caller's, which must not be the machine's.

    Returns:
        What became of it.
    """
    groups = "0 2147483647" if in_range else "1 0"
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    become += [f"--inh-caps={_KEPT}", f"--ambient-caps={_KEPT}", f"--bounding-set={_KEPT}"]
    prepare = f'echo {groups} > /proc/sys/net/ipv4/ping_group_range && exec "$@"'
    command = [*(["unshare", "--net"] if is_apart else []), "sh", "-c", prepare, "sh", *become, sys.executable, *words]
    environ = {**os.environ, "PYTHONPATH": str(SERVICES), "HOPLOOM_STATE": "/nonexistent"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False, cwd="/")
