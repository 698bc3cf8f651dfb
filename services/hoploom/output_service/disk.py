"""Makes what was done to files last: a file is there for good when it is synced, and its name when its folder is."""

import hashlib
import os
import shutil
from pathlib import Path

from hoploom.kit.errors import OutOfSpace

SIDES = ("", "-wal", "-shm", "-journal")
"""What SQLite adds to the name of a database."""

SPARE_BYTES, SPARE_SHARE = 64 * 2**20, 0.05
"""What a copy leaves free for batches that come meanwhile: the smaller of so many bytes and so much of the disk."""

_AGAIN_S = 30.0


def sync(path: Path) -> None:
    """Wait until a file or the names in a folder are on the disk.

    Never for a database that somebody in this process has open: closing a file here drops SQLite's locks on it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(path: Path, name: str) -> Path:
    """Give a finished file its name for good; after a crash there is the whole file or none."""
    sync(path)
    target = path.with_name(name)
    path.rename(target)
    sync(path.parent)
    return target


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_bytes(database: Path) -> int:
    """What a database takes with all that SQLite keeps beside it; nothing where it is not there."""
    size = 0
    for side in SIDES:
        try:
            size += database.with_name(database.name + side).stat().st_size
        except FileNotFoundError:
            continue
    return size


def free_bytes(folder: Path) -> int:
    """What is free on the disk of a folder for whoever is not root."""
    return shutil.disk_usage(folder).free


def require_room(folder: Path, size_bytes: int) -> None:
    """Raises OutOfSpace where a copy of that size would take what batches need that come meanwhile."""
    found = shutil.disk_usage(folder)
    if size_bytes + min(SPARE_BYTES, SPARE_SHARE * found.total) > found.free:
        raise OutOfSpace(f"a copy of {size_bytes} bytes needs more room than the {found.free} bytes left", _AGAIN_S)


def remove(database: Path) -> None:
    """Remove a database that nobody has open, with all that SQLite keeps beside it."""
    for side in SIDES:
        database.with_name(database.name + side).unlink(missing_ok=True)
