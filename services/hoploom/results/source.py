"""Opening a file of results that a stranger may have made: read-only, and only if it is built as ours are.

What is in its rows is judged while they are merged (`results.runs`). A database can carry code of its own (triggers,
views, virtual tables, expressions in defaults, checks, generated columns and indexes), so the text of its schema has to
be ours to the letter; the connection trusts none of it either way (https://sqlite.org/security.html).
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw

from hoploom.kit.errors import ConfigError, OutOfSpace, Unavailable
from hoploom.results import tables

_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_FORMATS, _ENCODING = slice(18, 20), slice(56, 60)
_WRITE_AHEAD: Final = 2
_UTF_8: Final = (1).to_bytes(4, "big")
MAX_CELL_BYTES: Final = 32 * 2**20
"""The longest text that is ever made of one: all addresses of the largest batch of traceroutes."""
BUSY_MS: Final = 5_000
"""How long whoever writes to a file at the same moment is waited for."""
_STEPS_A_CALL: Final = 100_000
_FREE_STEPS, _STEPS_A_BYTE = 50_000_000, 32
"""A merge takes some 4 steps of SQLite's machine for each byte of a good file; a tree of pages that lead to themselves
takes them for ever."""
CURSORS: Final = "CREATE TABLE cursors (store TEXT NOT NULL PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID"
"""What a data set has beside the public tables: up to which `seq` it has each store's batches."""
_BESIDE: Final = {
    "-wal": "it is a store at work, take a dump of it with `hoploom dump`",
    "-journal": "wait for the end, or do again what was broken off",
}
"""What SQLite keeps beside a file that is not all there without it."""
_INDEX: Final = re.compile(r"CREATE INDEX [A-Za-z_][A-Za-z0-9_]* ON (\w+) \((\w+(?:, \w+)*)\)")


class Refused(ConfigError):
    """A file is no file of results that this program takes; nothing of it was used."""


def open_source(path: Path) -> apsw.Connection:
    """A read-only connection to a file of results; the caller closes it.

    Raises:
        Refused: It is none, or one that has more in it than results; says what, and what to do.
    """
    with translated(path):
        connection = apsw.Connection(uri(path), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            connection.set_busy_timeout(BUSY_MS)
            harden(connection)
            limit(connection)
            check_schema(connection, "main", path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def attached(connection: apsw.Connection, path: Path) -> Iterator[None]:
    """Let a connection read a file of results as `source`, within limits.

    Args:
        connection: One that was opened with SQLITE_OPEN_URI and is in no transaction.
        path: The file.

    Raises:
        Refused: See `open_source`; also for what is found out later, within the context.
        OutOfSpace: The disk is full.
        Unavailable: Another process writes where this one wants to, or a disk fails.
    """
    harden(connection)
    found = uri(path)
    if connection.filename and os.path.samefile(connection.filename, path):
        raise Refused(f"{path} cannot be merged into itself: name another file with -o")
    with translated(path):
        connection.execute("ATTACH ? AS source", (found,))
        longest = limit(connection, path.stat().st_size)
        try:
            check_schema(connection, "source", path)
            yield
        finally:
            connection.set_progress_handler(None)
            connection.limit(apsw.SQLITE_LIMIT_LENGTH, longest)
            connection.execute("DETACH source")


def uri(path: Path) -> str:
    """How SQLite is told to read a file and to write nothing, neither into it nor beside it.

    Raises:
        Refused: It is no regular file, is empty, is none of SQLite's, or belongs to a store that runs.
    """
    found, header = regular_file(path)
    _check_header(path, header)
    for suffix, way_out in _BESIDE.items():
        if os.path.lexists(f"{found}{suffix}"):
            raise Refused(f"{path} is being written, as {found.name}{suffix} beside it says: {way_out}")
    return f"file:{quote(os.fsencode(found))}?mode=ro"


def regular_file(path: Path) -> tuple[Path, bytes]:
    """Where a file really is, and its first bytes.

    Raises:
        Refused: It is no regular file, or cannot be read.
    """
    try:
        found = path.resolve(strict=True)
        mode = found.stat().st_mode
        if not stat.S_ISREG(mode):
            raise Refused(f"{path} is a {_kind(mode)}: name a file of results")
        with found.open("rb") as file:
            return found, file.read(_HEADER_BYTES)
    except (OSError, RuntimeError, ValueError) as error:
        raise Refused(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def harden(connection: apsw.Connection) -> None:
    """Let a connection run nothing that comes from a file."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    for setting in (
        *(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, apsw.SQLITE_DBCONFIG_ENABLE_VIEW),
        *(apsw.SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, apsw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION),
        *(apsw.SQLITE_DBCONFIG_DQS_DML, apsw.SQLITE_DBCONFIG_DQS_DDL),
    ):
        connection.config(setting, 0)
    connection.pragma("cell_size_check", 1)
    # A file that is cut off while it is mapped kills the process.
    connection.pragma("mmap_size", 0)


def limit(connection: apsw.Connection, size_bytes: int | None = None) -> int:
    """Bound what a connection reads: the size of a value and, given a file's size, the steps that it may take.

    Returns:
        The largest size of a value in bytes that was allowed before.
    """
    before = connection.limit(apsw.SQLITE_LIMIT_LENGTH, MAX_CELL_BYTES)
    if size_bytes is not None:
        left = (_FREE_STEPS + _STEPS_A_BYTE * size_bytes) // _STEPS_A_CALL

        def is_over() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        connection.set_progress_handler(is_over, _STEPS_A_CALL)
    return before


def check_schema(connection: apsw.Connection, database: str, path: Path) -> None:
    """Refuse a database that is built otherwise than a file of results.

    Raises:
        Refused: Says where it differs.
    """
    version = int(connection.execute(f"PRAGMA {database}.user_version").get)
    found = connection.execute(f"SELECT type, name, sql FROM {database}.sqlite_schema").fetchall()
    if not found:
        raise Refused(f"{path} is an empty database")
    _check_version(path, version)
    lacking = dict(_expected())
    for kind, name, sql in found:
        if lacking.pop(str(name), None) == _plain(sql) or _plain(sql) == CURSORS or _is_plain_index(sql):
            continue
        raise Refused(
            f"{path} has a {_words(kind)} {_words(name)} that differs from those of a dump: merge what `hoploom dump` "
            "or GET /dump gives"
        )
    if lacking:
        raise Refused(f"{path} is no file of results: it lacks {', '.join(sorted(lacking))}")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into sentences about a file that is read."""
    try:
        yield
    except apsw.FullError as error:
        raise OutOfSpace(f"the disk is full, nothing of {path} was taken: make room and do it again") from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise Unavailable(f"another process is writing there, nothing of {path} was taken: try again later") from error
    except (apsw.IOError, apsw.CantOpenError) as error:
        raise Unavailable(f"a disk fails, nothing of {path} was taken: {error}") from error
    except apsw.InterruptError as error:
        raise Refused(f"{path} takes far longer than a file of its size should: it is damaged") from error
    except (apsw.Error, UnicodeDecodeError) as error:
        raise Refused(f"{path} is damaged ({error}): fetch it again") from error


def _check_header(path: Path, header: bytes) -> None:
    if not header:
        raise Refused(f"{path} is empty")
    if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
        raise Refused(f"{path} is no SQLite database")
    if _WRITE_AHEAD in header[_FORMATS]:
        raise Refused(f"{path} is a store's own file (it has a write-ahead log): take a dump of it with `hoploom dump`")
    if header[_ENCODING] not in (_UTF_8, bytes(4)):
        raise Refused(f"{path} is not written in UTF-8, as every file of results is")


def _check_version(path: Path, version: int) -> None:
    if version == 0:
        raise Refused(f"{path} is no file of results: its user_version is 0")
    if version < tables.SCHEMA:
        raise Refused(
            f"{path} was written by an older version of this program (form {version}, now {tables.SCHEMA}): start an "
            "output service of this version on it once, and take a dump"
        )
    if version > tables.SCHEMA:
        raise Refused(
            f"{path} was written by a newer version of this program (form {version}, here {tables.SCHEMA}): use that "
            "version here too"
        )


def _expected() -> dict[str, str]:
    """The plain text of everything that a dump's schema has, by name."""
    made = {**tables.TABLES, "batches_by_key": tables.BATCHES_BY_KEY, "meta": tables.META}
    return {name: _plain(sql) for name, sql in made.items()}


def _plain(sql: object) -> str:
    """A statement without comments and line breaks.

    Quotes and other comments stay, and no statement of ours has any: so what is cut off after `--` was a comment.
    """
    return " ".join(re.sub(r"--[^\n]*", " ", sql).split()) if isinstance(sql, str) else ""


def _is_plain_index(sql: object) -> bool:
    """Whether a statement makes an index on bare columns of a public table: it can say nothing of its own."""
    match = _INDEX.fullmatch(_plain(sql))
    return match is not None and match[1] in tables.TABLES


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")


def _words(value: object) -> str:
    """A stranger's text as it can be printed."""
    return ascii(value)[:64]
