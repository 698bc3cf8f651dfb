"""The file of all rollups, `rollups.db`: their tables, and one cursor that moves in the transaction that adds a batch.

So a batch is counted once, whatever ends the process. All of it follows from the store: a file that is missing,
damaged, of another store, of other tables or ahead of its store is made anew from the first batch on. Synced lazily:
what a power cut takes goes together with the cursor, and is added again.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import apsw

from hoploom.kit import metrics
from hoploom.kit.errors import OutOfSpace, Unavailable
from hoploom.output_service import disk
from hoploom.output_service.rollups.batches import Rollup, StoredBatch

T = TypeVar("T")
log = logging.getLogger(__name__)
FILE: Final = "rollups.db"
READ_S: Final = 2.0
BUSY_MS: Final = 5000
_STEPS: Final = 100_000
_META: Final = "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_DAMAGED: Final = (apsw.CorruptError, apsw.NotADBError)
_ROWS = metrics.gauge("hoploom_output_rollup_rows", "Rows of the sums over what is stored.", ("table",))
_BYTES = metrics.gauge("hoploom_output_rollup_bytes", "What the file of these sums takes on the disk.")
_ANEW = metrics.counter("hoploom_output_rollup_rebuilds_total", "How often that file was made anew.", ("reason",))


class Standing(NamedTuple):
    """Where the sums are.

    Attributes:
        generation: Names this file; another one may count otherwise, so nothing of it goes with what this one said.
        upto: The batch up to which all are added.
    """

    generation: str
    upto: int


class Sums:
    """The open file. `add` is for one thread; `ask` for any."""

    def __init__(self, folder: Path, store: str, rollups: Sequence[Rollup]) -> None:
        """Open it, or make it.

        Args:
            folder: Where it lies.
            store: UUID of the store that it is of.
            rollups: What it has.

        Raises:
            OutOfSpace: The disk is full.
            Unavailable: It cannot be made.
        """
        self._path, self._store, self._rollups = folder / FILE, store, rollups
        # Nobody reads while a file is put in the place of another: a `-wal` must not meet one that it is not of.
        self._replacing = threading.Lock()
        self._connection = self._opened()

    @property
    def upto(self) -> int:
        """The batch up to which all are added."""
        return standing(self._connection).upto

    def add(self, batches: Sequence[StoredBatch], upto: int) -> None:
        """Add batches, and say up to which one; all of it is there afterwards, or nothing.

        Raises:
            Unavailable: The file does not take it now, or was damaged and is begun anew.
        """
        try:
            with self._connection:
                for rollup in self._rollups:
                    rollup.add(self._connection, batches)
                self._connection.execute("UPDATE meta SET value = ? WHERE name = 'upto'", (str(upto),))
        except _DAMAGED as error:
            self.renew(f"it is damaged: {error}", "damaged")
        except apsw.Error as error:
            raise _translated(error) from error

    def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """What a function answers that gets a read-only connection, in one transaction; blocks, so ask in a thread.

        Raises:
            Unavailable: It took longer than `READ_S`, or the file cannot be read now.
        """
        deadline = time.monotonic() + READ_S
        with self._replacing:
            try:
                return _asked(self._path, question, deadline)
            except apsw.InterruptError as error:
                raise Unavailable(f"this takes longer than {READ_S:g} s; ask for less") from error
            except apsw.Error as error:
                raise Unavailable(f"the sums cannot be read now: {error}") from error

    def renew(self, why: str, reason: str) -> None:
        """Begin the file anew.

        Args:
            why: For the log.
            reason: For the metric, one word.
        """
        log.warning("%s is made anew from the store: %s", self._path, why)
        _ANEW.labels(reason).inc()
        with self._replacing:
            self._connection.close()
            self._connection = self._made()

    def look(self) -> None:
        """Begin the file anew where somebody has removed it: what is open would be written to and read by nobody."""
        if not self._path.exists():
            self.renew("it was removed", "removed")

    def measure(self) -> None:
        """Tell metrics how much it is."""
        _BYTES.set(disk.size_bytes(self._path))
        for rollup in self._rollups:
            _ROWS.labels(rollup.name).set(rollup.rows(self._connection))

    def close(self) -> None:
        """Close it."""
        with self._replacing:
            self._connection.close()

    def _opened(self) -> apsw.Connection:
        if not self._path.exists():
            return self._made()
        try:
            found = _connected(self._path)
        except apsw.Error as error:
            return self._remade(str(error))
        try:
            wrong = self._fault(found)
        except apsw.Error as error:
            wrong = str(error)
        if wrong:
            found.close()
            return self._remade(wrong)
        return found

    def _remade(self, why: str) -> apsw.Connection:
        log.warning("%s is made anew from the store: %s", self._path, why)
        _ANEW.labels("opening").inc()
        return self._made()

    def _fault(self, connection: apsw.Connection) -> str:
        """Why it cannot be gone on with; empty where it can."""
        if (said := connection.pragma("quick_check")) != "ok":
            return f"it is damaged: {said}"
        meta = _meta(connection)
        if meta.get("store") != self._store:
            return "it is of another store"
        if meta.get("tables") != self._tables() or not {"generation", "upto"} <= set(meta):
            return "it has other tables than this version"
        return ""

    def _made(self) -> apsw.Connection:
        # Also where there is none: its `-wal` may have stayed.
        disk.remove(self._path)
        try:
            made = _connected(self._path)
            with made:
                for statement in (_META, *(each for rollup in self._rollups for each in rollup.tables)):
                    made.execute(statement)
                generation = uuid.uuid4().hex[:12]
                meta = {"store": self._store, "tables": self._tables(), "generation": generation, "upto": "0"}
                made.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        except apsw.Error as error:
            raise _translated(error) from error
        return made

    def _tables(self) -> str:
        text = "\n".join(each for rollup in self._rollups for each in rollup.tables)
        return hashlib.sha256(text.encode()).hexdigest()


def standing(connection: apsw.Connection) -> Standing:
    """Where the sums are, in the transaction of whoever asks."""
    meta = _meta(connection)
    return Standing(meta["generation"], int(meta["upto"]))


def _meta(connection: apsw.Connection) -> dict[str, str]:
    return {str(name): str(value) for name, value in connection.execute("SELECT name, value FROM meta")}


def _connected(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "normal")
    except apsw.Error:
        connection.close()
        raise
    return connection


def _asked(path: Path, question: Callable[[apsw.Connection], T], deadline: float) -> T:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        connection.execute("BEGIN")
        return question(connection)
    finally:
        connection.close()


def _translated(error: apsw.Error) -> Exception:
    if isinstance(error, apsw.FullError | apsw.IOError):
        return OutOfSpace(f"the disk takes no more sums: {error}", retry_after_s=30.0)
    return Unavailable(f"the sums cannot be written now: {error}", retry_after_s=2.0)

