"""Files of results, good ones and damaged ones, for the tests of whoever reads strangers' files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from hoploom.results.merge import merge
from hoploom.results.merged_file import open_for_writing
from hoploom.results.source import Refused
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced

PAGE = 4096
"""Bytes of a page of such a file."""


def good(path: Path) -> None:
    """A good file: pings, traceroutes, pings."""
    write(path, STORE, [make(), traced(1, targets=40), make(7, rows=300)])


def changed(statements: str) -> Callable[[Path], None]:
    """A good file after some SQL."""

    def damage(path: Path) -> None:
        good(path)
        with contextlib.closing(apsw.Connection(str(path))) as connection:
            connection.execute(statements)

    return damage


def schema_forged(before: str, after: str) -> Callable[[Path], None]:
    """A good file whose schema's text was edited, as no statement of SQL would."""

    def damage(path: Path) -> None:
        good(path)
        with contextlib.closing(apsw.Connection(str(path))) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?)", (before, after))
            assert connection.changes()

    return damage


def bytes_at(offset: int, raw: bytes) -> Callable[[Path], None]:
    """A good file with other bytes somewhere; before its end where the offset is negative."""

    def damage(path: Path) -> None:
        good(path)
        with path.open("r+b") as file:
            file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
            file.write(raw)

    return damage


def cut(path: Path) -> None:
    """A good file without its second half."""
    good(path)
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)


def headless(path: Path) -> None:
    """A good file of which only the header is left."""
    good(path)
    os.truncate(path, 100)


def refused(path: Path, target: Path) -> str:
    """The sentence with which a file is refused when it is merged; nothing of it was taken."""
    write(target, STORE, [make(9)])
    before = target.read_bytes()
    with contextlib.closing(open_for_writing(target)) as connection:
        with pytest.raises(Refused) as found:
            merge(connection, path)
        # Nothing of it is held on to either, so the next file can be taken.
        assert merge(connection, write(target.with_name("next.db"), STORE, [make(9)])).duplicates == 1
    assert target.read_bytes() == before
    said = str(found.value)
    assert str(path) in said and said.isprintable()
    return said
