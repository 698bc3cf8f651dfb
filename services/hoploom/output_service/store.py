"""The store: one SQLite database, one thread that writes and checkpoints, read-only connections for the rest.

WAL with synchronous=FULL: what was acknowledged is on the disk. One writing connection, because SQLite up to 3.51.2 can
damage a WAL that two connections checkpoint at once. Batches that wait together share one commit.
"""

import asyncio
import logging
import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import ConfigError, OutOfSpace, Unavailable, Unprocessable
from hoploom.output_service import rows, schema
from hoploom.wire import batch_codec
from hoploom.wire.batch import Batch

log = logging.getLogger(__name__)
FILE = "results.db"
# Enough to share a commit among all workers of a middling mesh, and few enough to bound a transaction's memory.
MAX_PER_COMMIT = 16
_BUSY_MS = 5000
_STORED = metrics.counter("hoploom_output_rows_stored_total", "Result rows stored.")
_BATCHES = metrics.counter("hoploom_output_batches_total", "Batches taken.", ("kind",))
_COMMIT = metrics.histogram("hoploom_output_commit_seconds", "Time to commit a group of batches to the disk.")


@dataclass(frozen=True)
class Stored:
    """What became of a batch: its place in this store, and whether it had been stored before."""

    seq: int
    duplicate: bool


@dataclass(frozen=True)
class _Job:
    batch: Batch
    done: Callable[["Stored | Exception"], None]


class Store:
    """An open store; use `append` for writing and `read` for reading."""

    def __init__(self, folder: Path, max_waiting: int) -> None:
        """Open or make the database.

        Raises:
            ConfigError: It cannot be opened; says why.
        """
        self.path = folder / FILE
        try:
            self._writer = apsw.Connection(str(self.path))
            self._writer.set_busy_timeout(_BUSY_MS)
            self._writer.pragma("journal_mode", "wal")
            self._writer.pragma("synchronous", "FULL")
            schema.migrate(self._writer)
            self.uuid = self._own_uuid()
            self._seq = int(self._writer.execute("SELECT coalesce(max(seq), 0) FROM batches").get)
        except apsw.Error as error:
            raise ConfigError(f"cannot open the database {self.path}: {error}") from error
        self._jobs: queue.Queue[_Job | None] = queue.Queue(max_waiting)
        self._thread = threading.Thread(target=self._write_all, name="store-writer")
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Batches that wait to be written."""
        return self._jobs.qsize()

    async def append(self, batch: Batch) -> Stored:
        """Store a batch; returns when it is on the disk.

        Raises:
            Unavailable: Too many batches wait already.
            OutOfSpace: The disk is full; nothing of the batch is stored.
            Unprocessable: Another batch has this id.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Stored] = loop.create_future()

        def done(result: Stored | Exception) -> None:
            loop.call_soon_threadsafe(_settle, future, result)

        try:
            self._jobs.put_nowait(_Job(batch, done))
        except queue.Full:
            raise Unavailable("too many batches wait to be written", retry_after_s=2.0) from None
        return await future

    async def read(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a read-only statement, in a thread of its own."""
        return await asyncio.to_thread(self._read, statement, values)

    def reader(self) -> apsw.Connection:
        """A new read-only connection; the caller closes it."""
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(_BUSY_MS)
        return connection

    def close(self) -> None:
        """Write what waits, and close."""
        self._jobs.put(None)
        self._thread.join()
        self._writer.close()

    def _read(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        connection = self.reader()
        try:
            return list(connection.execute(statement, values))
        finally:
            connection.close()

    def _own_uuid(self) -> str:
        self._writer.execute("INSERT OR IGNORE INTO meta VALUES ('store', ?)", (str(uuid.uuid4()),))
        return str(self._writer.execute("SELECT value FROM meta WHERE name = 'store'").get)

    def _write_all(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            while len(jobs) < MAX_PER_COMMIT and jobs[-1] is not None and not self._jobs.empty():
                jobs.append(self._jobs.get())
            self._commit([job for job in jobs if job is not None])
            if jobs[-1] is None:
                return

    def _commit(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        before = self._seq
        results: list[Stored | Exception]
        try:
            with _COMMIT.time():
                self._writer.execute("BEGIN IMMEDIATE")
                results = [self._insert(job.batch) for job in jobs]
                self._writer.execute("COMMIT")
        except apsw.Error as error:
            self._seq = before
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            log.warning("nothing stored of %s batches: %s", len(jobs), error)
            results = [_translated(error)] * len(jobs)
        for job, result in zip(jobs, results, strict=True):
            job.done(result)

    def _insert(self, batch: Batch) -> Stored | Exception:
        known = self._writer.execute("SELECT seq, digest FROM batches WHERE batch = ?", (batch.batch,)).fetchall()
        if known:
            seq, digest = int(str(known[0][0])), known[0][1]
            if digest != batch_codec.digest(batch):
                return Unprocessable(f"batch {batch.batch} was stored before with other content")
            _BATCHES.labels("duplicate").inc()
            return Stored(seq, duplicate=True)
        self._seq += 1
        row = rows.batch_row(batch, self._seq, wall_us())
        marks = ", ".join("?" * len(row))
        self._writer.execute(f"INSERT INTO batches ({rows.BATCH_COLUMNS}) VALUES ({marks})", row)
        marks = ", ".join("?" * rows.RESULT_COLUMNS)
        self._writer.executemany(f"INSERT INTO ping_results VALUES ({marks})", rows.result_rows(batch))
        _BATCHES.labels("new").inc()
        _STORED.inc(len(batch.columns))
        return Stored(self._seq, duplicate=False)


def _settle(future: "asyncio.Future[Stored]", result: Stored | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _translated(error: apsw.Error) -> Exception:
    if isinstance(error, apsw.FullError | apsw.IOError):
        return OutOfSpace(f"the disk takes no more: {error}", retry_after_s=30.0)
    return Unavailable(f"the database does not take it now: {error}", retry_after_s=2.0)
