"""The control groups of a lab: one a host in every hierarchy, so that a host limits and freezes only its own tasks.

They lie below the groups that we are in ourselves (cgroup v1), or at the top (v2, where a group with processes cannot
give controllers to its children).
"""

import glob
import os
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_MOVE = 'for each in $1; do echo 0 > "$each/cgroup.procs"; done; shift; exec "$@"'
_CONTROLLERS = "+cpuset +cpu +io +memory +pids"


class Groups:
    """The control groups of one lab."""

    def __init__(self, name: str) -> None:
        """Make them.

        Args:
            name: Their name in every hierarchy; no other lab may have it.
        """
        self._tops = [top / name for top in _tops()]
        for top in self._tops:
            _make(top)
            _share(top)

    def entering(self, host: str) -> list[str]:
        """Make a host's groups; what to put before the command that shall run in them."""
        groups = [top / host for top in self._tops]
        for group in groups:
            _make(group)
        return ["sh", "-c", _MOVE, "move", " ".join(map(str, groups))]

    def close(self) -> None:
        """Remove them; nothing may run in them any more."""
        for top in self._tops:
            remove(top)


def leftovers(pattern: str) -> list[Path]:
    """Groups by this name, in all hierarchies."""
    # `glob`, as groups of others come and go meanwhile, which Path.glob does not bear.
    return [Path(found) for depth in ("", "*/", "*/*/", "*/*/*/") for found in glob.glob(f"{ROOT}/{depth}{pattern}")]


def remove(top: Path) -> None:
    """Remove a group and all below; one in which something still runs stays."""
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()


def _tops() -> list[Path]:
    """Our own group in every hierarchy of version 1; the root where there is only version 2."""
    if (ROOT / "cgroup.controllers").exists():
        _share(ROOT)
        return [ROOT]
    tops = []
    for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        tops.append(ROOT / (controllers.removeprefix("name=") or "unified") / path.lstrip("/"))
    return [top for top in tops if top.is_dir()]


def _share(group: Path) -> None:
    """Let a group's children have controllers, where version 2 asks for that; it may have no process itself."""
    if (group / "cgroup.subtree_control").exists():
        with suppress(OSError):
            (group / "cgroup.subtree_control").write_text(_CONTROLLERS, encoding="ascii")


def _make(group: Path) -> None:
    group.mkdir(exist_ok=True)
    for name in ("cpuset.mems", "cpuset.cpus"):
        # Version 1: nothing can enter a group without processors and memory, and a new one has none.
        if (group / name).exists() and (group.parent / "cgroup.clone_children").exists():
            (group / name).write_text((group.parent / name).read_text(encoding="ascii"), encoding="ascii")
