"""Wheels of a few bytes, and requirements that vouch for them."""

import hashlib
import zipfile
from pathlib import Path

from hoploom.archive.requirements import Requirement


def wheel(folder: Path, name: str, version: str = "1.0") -> Path:
    """A wheel with one module that knows its version, and a test that nobody needs."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}/__init__.py", f"version = {version!r}\n")
        file.writestr(f"{name}/tests/test_it.py", "")
        file.writestr(f"{name}-{version}.dist-info/METADATA", f"Name: {name}\n")
    return path


def requirement(path: Path) -> Requirement:
    """The requirement that this wheel meets."""
    name, version = path.name.split("-")[:2]
    return Requirement(name, version, "", (f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",), frozenset())
