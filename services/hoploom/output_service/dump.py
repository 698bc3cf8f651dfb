"""A consistent copy of the store while ingest goes on.

It is made as a file and then streamed, so that no slow reader holds back checkpoints.
"""

import contextlib
import hashlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import apsw

from hoploom.kit.errors import Unavailable
from hoploom.output_service.store import Store
from hoploom.results import tables

_STEPS = 100_000
_MADE_HERE = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
_META = """
INSERT INTO meta SELECT name, value FROM store.meta WHERE name = 'store'
UNION ALL SELECT 'first_seq', coalesce(min(seq), 0) FROM batches
UNION ALL SELECT 'last_seq', coalesce(max(seq), 0) FROM batches
"""


@dataclass(frozen=True)
class Dump:
    """A finished copy: where it is, and what it hashes to."""

    path: Path
    sha256: str


@contextlib.contextmanager
def made(store: Store, limit_s: float) -> Iterator[Dump]:
    """Make a dump in the store's own folder; it is removed at the end. Blocks: run it in a thread.

    Args:
        store: What to copy.
        limit_s: Longest time in seconds that the copy may take.

    Raises:
        Unavailable: It took too long, or the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix=".dump-", dir=store.path.parent) as folder:
        target = Path(folder) / "dump.db"
        _copy(store, target, time.monotonic() + limit_s)
        with target.open("rb") as file:
            yield Dump(target, hashlib.file_digest(file, "sha256").hexdigest())


def unlinked(store: Store, limit_s: float) -> tuple[BinaryIO, str]:
    """A dump as an open file without a name, and its SHA-256: however its sending ends, nothing of it stays.

    Blocks and raises as `made` does; the caller closes the file.
    """
    with made(store, limit_s) as copy:
        return copy.path.open("rb"), copy.sha256


def sweep(folder: Path) -> None:
    """Remove what a killed process left of a dump."""
    for left in folder.glob(".dump-*"):
        for file in left.iterdir():
            file.unlink()
        left.rmdir()


def _copy(store: Store, target: Path, deadline: float) -> None:
    try:
        copy = apsw.Connection(str(target), flags=_MADE_HERE)
        copy.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            _fill(copy, store.path)
        finally:
            copy.close()
    except apsw.Error as error:
        raise Unavailable(f"no dump could be made: {error}", retry_after_s=30.0) from error


def _fill(copy: apsw.Connection, source: Path) -> None:
    """Copy the public tables of one moment; what is not finished is of no use, so nothing is synced."""
    copy.pragma("journal_mode", "off")
    copy.pragma("synchronous", "off")
    copy.execute("ATTACH ? AS store", (f"{source.absolute().as_uri()}?mode=ro",))
    copy.execute("BEGIN")
    for name, statement in tables.TABLES.items():
        copy.execute(statement)
        copy.execute(f"INSERT INTO {name} SELECT * FROM store.{name}")
    copy.execute(tables.BATCHES_BY_KEY)
    copy.execute(tables.META)
    copy.execute(_META)
    copy.pragma("user_version", tables.SCHEMA)
    copy.execute("COMMIT")
    copy.execute("DETACH store")
