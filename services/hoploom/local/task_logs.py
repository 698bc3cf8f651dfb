"""Finds the logs of what Nomad has run on this machine: by service, by instance, by allocation.

They are read where Nomad's client keeps them, so that they are there when the instance, or the whole mesh, is not.
"""

import re
from collections.abc import Iterable
from pathlib import Path

LEAST = 4
"""Characters of an id that are enough."""

_ALLOCATION = re.compile(r"[0-9a-f][0-9a-f-]*")
_FILE = re.compile(r"(?P<task>.+)\.std(?:out|err)\.\d+")


def find(root: Path, name: str) -> list[Path]:
    """The files of a service, of one of its instances or of an allocation, oldest first.

    Args:
        root: The mesh's folder.
        name: Name of a task, id of an instance in Consul (orders-2b7e1c04) or of an allocation, or how one begins.
    """
    every = _files(root)
    of_task = [path for path in every if _task(path) == name]
    if of_task or len(name) < LEAST:
        return of_task
    if _ALLOCATION.fullmatch(name) and (found := [path for path in every if _allocation(path).startswith(name)]):
        return found
    return [path for path in every if _task(path) == name.rpartition("-")[0] and _is_told_by(path, name)]


def tasks(root: Path) -> list[str]:
    """What has logs here, in order."""
    return sorted({_task(path) for path in _files(root)})


def _files(root: Path) -> list[Path]:
    found = (root / "nomad-client" / "alloc").glob("*/alloc/logs/*.std*.*")
    return _by_age(path for path in found if _FILE.fullmatch(path.name) and path.stat().st_size)


def _by_age(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime)


def _task(path: Path) -> str:
    found = _FILE.fullmatch(path.name)
    return found["task"] if found else ""


def _allocation(path: Path) -> str:
    return path.parents[2].name


def _is_told_by(path: Path, instance: str) -> bool:
    """Whether an instance has written there: each line of the kit's says whose it is."""
    wanted = f'"instance_id": "{instance}'.encode()
    with path.open("rb") as lines:
        return any(wanted in line for line in lines)
