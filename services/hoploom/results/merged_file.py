"""A file that results are merged into: an old one in place, a new one under another name until it is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw

from hoploom.kit.errors import ConfigError
from hoploom.kit.ownership import Ownership
from hoploom.results import tables
from hoploom.results.merge import transaction
from hoploom.results.source import BUSY_MS, Refused, check_schema, harden, regular_file, translated

_CACHE_KIB: Final = 16_384
_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI


@contextlib.contextmanager
def merged_file(path: Path) -> Iterator[apsw.Connection]:
    """Open a file to merge into: it is made if it is not there, and then appears at the end, whole.

    Args:
        path: The file. One that is there must be a file of results; each merge into it is a transaction.

    Raises:
        ConfigError: It is something else, or cannot be made.
        OutOfSpace: The disk is full.
        Unavailable: Another process writes to it.
    """
    is_new = not os.path.lexists(path)
    workshop = path.parent / f".{path.name}.partial"
    if not path.parent.is_dir():
        raise ConfigError(f"there is no folder {path.parent}: make it first, or name another file with -o")
    ownership = Ownership(workshop, "-o")
    try:
        if is_new:
            with _new_file(workshop / "merged.db", path) as connection:
                yield connection
        else:
            with contextlib.closing(open_for_writing(path)) as connection:
                yield connection
    finally:
        shutil.rmtree(workshop)
        ownership.release()


def open_for_writing(path: Path, extra: tuple[str, ...] = ()) -> apsw.Connection:
    """Open a file of results to merge into, and make its tables if it is new; the caller closes it.

    Args:
        path: A file that is there must be one of results.
        extra: Statements that make what else it shall have.

    Raises:
        ConfigError: It cannot be made or opened.
    """
    if os.path.lexists(path):
        regular_file(path)
    with translated(path):
        connection = apsw.Connection(str(path), flags=_FLAGS | apsw.SQLITE_OPEN_CREATE)
        try:
            _prepare(connection, path, extra)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: apsw.Connection, path: Path, extra: tuple[str, ...]) -> None:
    connection.set_busy_timeout(BUSY_MS)
    harden(connection)
    with transaction(connection):
        if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
            for statement in (*tables.TABLES.values(), tables.BATCHES_BY_KEY, tables.META, *extra):
                connection.execute(statement)
            connection.pragma("user_version", tables.SCHEMA)
        check_schema(connection, "main", path)
    # Only with EXTRA is it for good that the journal is gone, and with it the old state: whoever is told that rows are
    # in here may throw theirs away.
    connection.execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


@contextlib.contextmanager
def _new_file(draft: Path, path: Path) -> Iterator[apsw.Connection]:
    """A file that gets its name when it is whole and on the disk."""
    for left in draft.parent.glob(f"{draft.name}*"):
        left.unlink()
    with contextlib.closing(open_for_writing(draft)) as connection:
        # Whatever happens, a file that is not whole is thrown away.
        connection.pragma("synchronous", "OFF")
        yield connection
    if os.path.lexists(path):
        raise Refused(f"{path} was made by another meanwhile: merge into it again")
    _sync(draft)
    draft.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
