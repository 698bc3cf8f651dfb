"""A data set: one folder with everything that was collected, and how far each store has been collected.

The cursors are in the same database as the rows and move in the same transaction, so that a copy of the folder knows
what it has, and a kill at any moment neither loses nor doubles anything.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from hoploom.kit.errors import ConfigError
from hoploom.kit.ownership import Ownership
from hoploom.results.batch_rules import UUID
from hoploom.results.merge import take_new, transaction
from hoploom.results.merged_file import open_for_writing
from hoploom.results.parquet import export_some
from hoploom.results.parquet_rows import Written
from hoploom.results.source import CURSORS, Refused, attached, check_schema, harden, regular_file, translated

FILE: Final = "merged.db"
PARQUET: Final = "parquet"
_BUSY_MS: Final = 5_000
_LAST: Final = "last batch of "
"""In the table `meta`, with the UUID of a store behind it: tells the store from an older copy of it that went on."""
_KEEP_LAST: Final = "INSERT OR REPLACE INTO meta SELECT ?, batch FROM source.batches NOT INDEXED WHERE seq = ?"
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True)
class Taken:
    """What became of a dump.

    Attributes:
        batches: Batches that were new.
        rows: Their rows in all tables of results.
        duplicates: Batches that were there before.
        conflicts: Batches that were there before with other content; they stay as they were.
        store: UUID of the store that the dump is of.
        upto: Every batch of that store up to this `seq` is in the data set now.
    """

    batches: int
    rows: int
    duplicates: int
    conflicts: int
    store: str
    upto: int


class DataSet:
    """An open data set; nobody else has it open. Its methods block, and one is called at a time."""

    def __init__(self, connection: apsw.Connection, ownership: Ownership, path: Path) -> None:
        """For `open`."""
        self._connection, self._ownership, self.path = connection, ownership, path
        self.uuid, self.name = (self._meta("data_set"), self._meta("name"))

    @classmethod
    def open(cls, folder: Path, name: str, wait_s: float = 0.0) -> DataSet:
        """Open a data set, and make it if there is none.

        Args:
            folder: Its folder; made when it is not there.
            name: Its name, by which outputs know it.
            wait_s: Seconds to wait for another process to let go of it.

        Raises:
            ConfigError: The folder belongs to another process or holds a data set of another name.
            OutOfSpace: The disk is full.
        """
        if not NAME.fullmatch(name):
            raise ConfigError(f"a data set's name is of letters, digits and _.-, at most 63: not {name!a}")
        ownership = Ownership(folder, "--data-set", wait_s)
        try:
            connection = open_for_writing(folder / FILE, (CURSORS,))
            _introduce(connection, folder, name)
        except BaseException:
            ownership.release()
            raise
        return cls(connection, ownership, folder / FILE)

    def upto(self, store: str) -> int:
        """Up to which `seq` the batches of a store are here, without a gap; 0 for a store that is not known.

        Raises:
            Unavailable: Another process holds the database, or a disk fails.
        """
        with translated(self.path):
            return int(self._connection.execute(
                "SELECT coalesce(max(upto), 0) FROM cursors WHERE store = ?", (store,)).get)

    def last_batch(self, store: str) -> str:
        """Id of the batch of a store that `upto` counts to; empty where it was not kept; raises as `upto`."""
        with translated(self.path):
            found = self._connection.execute("SELECT value FROM meta WHERE name = ?", (f"{_LAST}{store}",)).get
        return str(found or "")

    def take(self, path: Path, since: int | None = None) -> Taken:
        """Take a dump: its new batches, and how far they reach, in one transaction.

        The cursor moves only where nothing is missing between: a dump that begins beyond it gives its rows and leaves
        the cursor, so that no store throws away what was never collected.

        Args:
            path: The dump; it may be hostile.
            since: The store has nothing between this `seq` and the dump's first (it was asked for what comes after,
                and the rest was pruned); by default the dump is taken to begin where it does.

        Raises:
            Refused: It is no good dump of one store; says why.
            OutOfSpace: The disk is full.
            Unavailable: Another process holds the database, or a disk fails.
        """
        with attached(self._connection, path), transaction(self._connection):
            store, first, last = _dumped(self._connection, path)
            before = self.upto(store)
            merged = take_new(self._connection, path)
            joins = (first - 1 if since is None else since) <= before
            upto = max(before, last) if joins else before
            if upto > before:
                self._connection.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (store, upto))
                self._connection.execute(_KEEP_LAST, (f"{_LAST}{store}", upto))
        return Taken(merged.batches, merged.rows, merged.duplicates, merged.conflicts, store, upto)

    def write_parquet(self) -> Written:
        """Write some of what is not yet in the Parquet files beside merged.db: work of seconds.

        Returns:
            What was written; nothing when all is there.

        Raises:
            ConfigError: The files are of another data set, or DuckDB is not installed.
            Unavailable: The disk refuses, or another process holds the database.
        """
        # How far the files are stands in merged.db, which a full disk does not take either.
        with translated(self.path):
            return export_some(self._connection, self.path.with_name(PARQUET))

    def renew(self) -> None:
        """Become another data set with the same content: for an older copy, in whose name more was promised."""
        with translated(self.path), transaction(self._connection):
            self._connection.execute("UPDATE meta SET value = ? WHERE name = 'data_set'", (str(uuid.uuid4()),))
        self.uuid = self._meta("data_set")

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()
        self._ownership.release()

    def _meta(self, name: str) -> str:
        return str(self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).get)


def open_for_reading(folder: Path) -> apsw.Connection:
    """A read-only connection to what a data set has, while others may take more; the caller closes it.

    Nothing is taken while a statement on it is under way, so long readings hold back the collector.

    Raises:
        Refused: There is none, or it is built otherwise.
        Unavailable: It is being written just now.
    """
    path = folder / FILE
    found, _ = regular_file(path)
    with translated(path):
        # For writing too: what a killed collector has begun is undone by whoever reads first.
        connection = apsw.Connection(str(found), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(_BUSY_MS)
            connection.pragma("query_only", 1)
            harden(connection)
            check_schema(connection, "main", path)
        except BaseException:
            connection.close()
            raise
    return connection


def _introduce(connection: apsw.Connection, folder: Path, name: str) -> None:
    """Give a new data set its name and UUID, and hold an old one to its name."""
    with translated(folder / FILE), transaction(connection):
        known = connection.execute("SELECT value FROM meta WHERE name = 'name'").get
        if known is None:
            for pair in (("data_set", str(uuid.uuid4())), ("name", name)):
                connection.execute("INSERT INTO meta VALUES (?, ?)", pair)
        elif known != name:
            raise ConfigError(f"{folder} holds the data set {known}, not {name}: give it that name, or another folder")


def _dumped(connection: apsw.Connection, path: Path) -> tuple[str, int, int]:
    """The store that the attached dump is of, and its first and last `seq`; between them nothing may be missing."""
    store = connection.execute("SELECT value FROM source.meta WHERE name = 'store'").get
    if not isinstance(store, str) or not UUID.fullmatch(store):
        raise Refused(f"{path} is no dump of one store: merge it with `hoploom merge` into a file of your own")
    different, first, last, others, count = connection.execute(
        "SELECT count(DISTINCT seq), min(seq), max(seq), coalesce(sum(store <> ?), 0), count(*) "
        "FROM source.batches NOT INDEXED",
        (store,),
    ).get
    if not count:
        return store, 1, 0
    are_numbers = isinstance(first, int) and isinstance(last, int)
    if others or not are_numbers or not different == last - first + 1 == count:
        raise Refused(f"nothing of {path} was taken: its batches are not all that store {store} took one after another")
    return store, first, last
