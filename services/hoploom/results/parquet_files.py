"""How files come into a Parquet set and leave it: whole, durable, and never so that a reader finds a row twice.

Files are made in a folder beside the set, where no reader's pattern finds them, and come into it by a rename. Files
that become one are exchanged with it in one step together with their folder, so that a listing of the folder shows
either them or it; a reader who listed earlier finds a file gone, and says so. What a killed process leaves is in the
folder beside, and is thrown away.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hoploom.kit.errors import HoploomError, OutOfSpace, Unavailable

_AT_FDCWD: Final = -100
_EXCHANGE: Final = 2
"""RENAME_EXCHANGE of renameat2(2), which Python has no name for."""

_NO_EXCHANGE: Final = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems say that cannot exchange, such as NFS."""


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder beside a set for what is being made; empty at first, and gone afterwards.

    Raises:
        Unavailable: The disk refuses.
    """
    path = folder.with_name(f"{folder.name}.new")
    with told(folder):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Inside of this, what the disk refuses is said in our words."""
    try:
        yield
    except OSError as error:
        raise refusal(folder, error.strerror or str(error), is_full=error.errno == errno.ENOSPC) from error


def refusal(folder: Path, reason: str, *, is_full: bool) -> HoploomError:
    """The error of a set that cannot be written or read."""
    if is_full:
        return OutOfSpace(f"the disk with {folder} is full: make room, and writing Parquet files goes on")
    return Unavailable(f"the Parquet files in {folder} cannot be used: {reason}")


def publish(made: Path, place: Path) -> None:
    """Let readers find a file, in place of one of the same name.

    Args:
        made: The file, whole, in the folder for what is being made.
        place: Its path in the set; its folders are made.
    """
    sync(made)
    _make_folder(place.parent)
    made.rename(place)
    sync(place.parent)


def exchange(made: Path, place: Path) -> bool:
    """Let readers find another folder in place of one, in one step; what was there is then where the other one was.

    Args:
        made: A folder of whole files, in the folder for what is being made.
        place: Path of a folder in the set.

    Returns:
        False where the file system cannot; nothing was changed.

    Source: rename(2), RENAME_EXCHANGE.
    """
    for file in made.iterdir():
        sync(file)
    sync(made)
    if not _rename_exchange(made, place):
        return False
    sync(place.parent)
    sync(made.parent)
    return True


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(path: Path) -> None:
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def _rename_exchange(first: Path, second: Path) -> bool:
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NO_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), str(second))
