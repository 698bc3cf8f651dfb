"""Removes a worker that /join installed: its service, its code, its state, the owner's file and its user."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hoploom.kit.errors import ConfigError

UNIT, USER = "hoploom-worker.service", "hoploom-worker"
STATE = Path("/var/lib/hoploom-worker")
_MARK = "# hoploom-worker"
_COMMAND = "usr/local/bin/hoploom"
_PATHS = (
    f"etc/systemd/system/{UNIT}",
    "etc/hoploom/worker.yaml",
    "etc/hoploom/worker-ca.pem",
    "var/lib/hoploom-worker",
    "opt/hoploom-worker",
)


def require_root() -> None:
    """Raises ConfigError for who may not remove a service."""
    if os.geteuid() != 0:
        raise ConfigError("removing the service needs root: sudo hoploom worker leave --purge")


def stop(root: Path = Path("/")) -> None:
    """End the service, which gives back what it holds, and have it started no more; nothing happens without one."""
    if (root / _PATHS[0]).exists() and os.geteuid() == 0:
        _systemctl("disable", "--now", "--quiet", UNIT)


def remove(root: Path = Path("/")) -> list[str]:
    """Remove everything but what others may have put beside it.

    Returns:
        What could not be removed.
    """
    found = [root / each for each in _PATHS]
    if _is_ours(root / _COMMAND):
        found.append(root / _COMMAND)
    for path in found:
        _remove(path)
    _remove_empty(root / "etc/hoploom")
    if root == Path("/"):
        _systemctl("daemon-reload")
        _systemctl("reset-failed", "--quiet", UNIT)
        _quietly(["userdel", USER])
    return [str(path) for path in found if path.exists()]


def _is_ours(command: Path) -> bool:
    try:
        return _MARK in command.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # This program is in one of these folders: what it needs from here on it has loaded.
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # Somebody else keeps something there, or nobody ever did.
        return


def _systemctl(*words: str) -> None:
    _quietly(["systemctl", *words])


def _quietly(command: Sequence[str]) -> None:
    # What is gone already is no trouble, and what stays is seen at the end.
    subprocess.run(list(command), capture_output=True, check=False)
