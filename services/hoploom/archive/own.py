"""This package as it goes into an archive: its modules, the templates and jobs that a host needs, the launchers.

Nothing of ansible/ is among it: no host needs that, and inventories hold secrets.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

from hoploom.archive.contents import LIBRARY
from hoploom.archive.tarball import Member
from hoploom.kit.deploy import FOLDERS, deploy_root

PACKAGE = Path(__file__).resolve().parents[1]
_LAUNCHERS = Path(__file__).with_name("launchers")
_VERSION = re.compile(rb'^__version__ = ".*"$', re.MULTILINE)


def members(version: str, python: str, arch: str) -> Iterator[Member]:
    """Our own files.

    Args:
        version: What the package shall call itself.
        python: The Python that it is for: `3.11`.
        arch: The machine that it is for, in Python's words.

    Raises:
        ConfigError: The templates are missing beside the package.
    """
    for path in _files(PACKAGE):
        relative = path.relative_to(PACKAGE).as_posix()
        if relative == "__init__.py":
            yield Member(f"{LIBRARY}/hoploom/__init__.py", functools.partial(_versioned, path, version))
        elif not relative.startswith("_deploy/"):
            yield Member(f"{LIBRARY}/hoploom/{relative}", path.read_bytes)
    root = deploy_root()
    for path in (path for folder in FOLDERS for path in _files(root / folder)):
        yield Member(f"{LIBRARY}/hoploom/_deploy/{path.relative_to(root).as_posix()}", path.read_bytes)
    for path in _files(_LAUNCHERS):
        yield Member(f"bin/{path.stem}", functools.partial(_filled, path, python, arch), is_program=True)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and "__pycache__" not in inside and not any(part.startswith(".") for part in inside):
            yield path


def _versioned(path: Path, version: str) -> bytes:
    return _VERSION.sub(f'__version__ = "{version}"'.encode(), path.read_bytes())


def _filled(path: Path, python: str, arch: str) -> bytes:
    return path.read_bytes().replace(b"@PYTHON@", python.encode()).replace(b"@ARCH@", arch.encode())
