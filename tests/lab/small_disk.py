"""A disk of a few megabytes for one process: a tmpfs in a mount namespace of its own, filled and emptied from outside.

Needs root. Nobody else sees the mount, and it ends with the process.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.namespace import needs_root

__all__ = ["BALLAST", "available", "empty", "fill", "needs_root", "on_small_disk"]
BALLAST = "ballast"
"""The file that takes the space."""

_BLOCK = 64 * 1024


def available() -> bool:
    """Whether this machine lets us mount one."""
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def on_small_disk(folder: Path, size: str, command: Sequence[str]) -> list[str]:
    """The command that runs a command with a small disk at a folder.

    Args:
        folder: An existing folder; what is in it cannot be seen then.
        size: As tmpfs takes it, such as "4m".
        command: What to run.
    """
    script = f'mount -t tmpfs -o size={size} none "{folder}" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, "sh", *command]


def seen_by(pid: int, folder: Path) -> Path:
    """The folder as that process sees it."""
    return Path(f"/proc/{pid}/root{folder}")


def fill(pid: int, folder: Path) -> None:
    """Take all space that is left there."""
    with (seen_by(pid, folder) / BALLAST).open("wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(_BLOCK)):
                pass
        except OSError:
            return


def empty(pid: int, folder: Path) -> None:
    """Give the space back."""
    (seen_by(pid, folder) / BALLAST).unlink(missing_ok=True)
