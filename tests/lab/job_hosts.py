"""Folders that stand for the roots of hosts, as the playbooks leave them, and an archive as `hoploom build` makes it.

The archive is not compressed, and its packages come from this environment instead of an index: it is made in a second.
"""

import importlib.metadata
import importlib.util
import io
import platform
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from hoploom.archive import contents, making, own

TASK_USER = "nobody"
"""A user without rights that every Debian has."""
TOKENS = ("input", "output", "manager", "ping", "operator", "manager-operator", "output-operator")
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


def make(root: Path) -> None:
    """Make what isolation.hcl names as a host's folders below `root`."""
    tokens = root / "etc/hoploom/tokens"
    for name in ("opt/hoploom", "etc/hoploom/tokens", "etc/fabio", "var/lib/hoploom/output", "var/lib/hoploom/ping"):
        (root / name).mkdir(parents=True)
    for name in TOKENS:
        _secret(tokens / name, 0o400, TASK_USER)
    # Several services read it: by the group that Nomad gives to all tasks.
    _secret(tokens / "worker", 0o440, "root")
    for service in ("output", "ping"):
        folder = root / "var/lib/hoploom" / service
        folder.chmod(0o700)
        shutil.chown(folder, TASK_USER)


def _secret(path: Path, mode: int, owner: str) -> None:
    path.write_text("0b7f33f0-8f3e-4f0e-9d3a-2f4b8c1d5e6f\n", encoding="ascii")
    path.chmod(mode)
    shutil.chown(path, owner)


def archive(target: Path) -> None:
    """Write an archive of hoploom for this machine's own Python."""
    with tarfile.open(target, "w") as tar:
        for member in own.members("0.1.0", PYTHON, platform.machine()):
            content = member.read()
            info = tarfile.TarInfo(member.path)
            info.size, info.mode = len(content), 0o755 if member.is_program else 0o644
            tar.addfile(info, io.BytesIO(content))
        for source, place in _packages():
            tar.add(source, place)


def install(archive: Path, root: Path) -> None:
    """Unpack an archive to where a host has it, as the playbooks do."""
    with tarfile.open(archive) as tar:
        tar.extractall(root / "opt/hoploom", filter="fully_trusted")


def _packages() -> Iterator[tuple[Path, str]]:
    for requirement in making.locked(making.Wanted(python=PYTHON, part="worker")):
        for file in importlib.metadata.files(requirement.name) or []:
            source, place = Path(str(file.locate())), contents.place(str(file))
            if place and source.exists():
                yield source, place
                compiled = Path(importlib.util.cache_from_source(str(source)))
                # Else each task would compile them at its start.
                if compiled.exists():
                    yield compiled, str(Path(place).parent / "__pycache__" / compiled.name)
