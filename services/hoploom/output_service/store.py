"""The store: one SQLite database, one thread that writes and checkpoints, read-only connections for the rest.

WAL with synchronous=FULL: what was acknowledged is on the disk. One writing connection, because SQLite up to 3.51.2 can
damage a WAL that two connections checkpoint at once. Batches that wait together share one commit.
"""

import asyncio
import logging
import queue
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import apsw

from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import ConfigError, OutOfSpace, Unavailable, Unprocessable
from hoploom.output_service import cells, rows, schema
from hoploom.results import tables
from hoploom.wire import batch_codec
from hoploom.wire.batch import Batch

T = TypeVar("T")
log = logging.getLogger(__name__)
FILE = "results.db"
# Enough to share a commit among all workers of a middling mesh, and few enough to bound a transaction's memory.
MAX_PER_COMMIT = 16
_BUSY_MS = 5000
# A reader holds back checkpoints for as long as it reads; longer questions belong to a dump.
READ_S = 2.0
_STEPS = 100_000
_LAST_SEQ = f"SELECT coalesce(max(seq), 0) FROM {schema.EVERY_BATCH}"
_KNOWN = f"SELECT seq, digest, batch FROM {schema.EVERY_BATCH} WHERE batch_key = ?"
_LOCATE = {
    kind: f"INSERT INTO locations VALUES (?, (SELECT coalesce(max(rowid), 0) + 1 FROM {result_tables[0]}), "
    "(SELECT coalesce(max(rowid), 0) + 1 FROM traceroute_hops))"
    for kind, result_tables in tables.RESULT_TABLES.items()
}
_STORED = metrics.counter("hoploom_output_rows_stored_total", "Result rows stored.")
_HOPS = metrics.counter("hoploom_output_hops_stored_total", "Hops of traceroutes stored, silent ones among them.")
_BATCHES = metrics.counter("hoploom_output_batches_total", "Batches taken.", ("kind",))
_COMMIT = metrics.histogram("hoploom_output_commit_seconds", "Time to commit a group of batches to the disk.")


@dataclass(frozen=True)
class Stored:
    """What became of a batch: its place in this store, and whether it had been stored before."""

    seq: int
    duplicate: bool


@dataclass(frozen=True)
class _Job:
    """Something to write in a transaction with others; `done` hears when it is on the disk, or why it is not."""

    work: Callable[[], "Stored | Exception"]
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
            self._seq = int(self._writer.execute(_LAST_SEQ).get)
        except apsw.Error as error:
            raise ConfigError(f"cannot open the database {self.path}: {error}") from error
        self._jobs: queue.Queue[_Job | None] = queue.Queue(max_waiting)
        self._executor = ThreadPoolExecutor(1, "store-writer")
        self._writing = self._executor.submit(self._write_all)

    @property
    def waiting(self) -> int:
        """Batches that wait to be written."""
        return self._jobs.qsize()

    @property
    def has_ended(self) -> bool:
        """Whether the writer is gone: after `close`, or by a bug."""
        return self._writing.done()

    async def append(self, batch: Batch) -> Stored:
        """Store a batch; returns when it is on the disk.

        Raises:
            Unavailable: Too many batches wait already, or the writer has ended.
            OutOfSpace: The disk is full; nothing of the batch is stored.
            Unprocessable: Another batch has this id.
        """
        digest = await asyncio.to_thread(batch_codec.digest, batch)
        return await self._written(lambda: self._insert(batch, digest), lambda result: _count(batch, result))

    async def note(self, name: str, value: str) -> None:
        """Keep a value under a name in the table `meta`, over the one before; raises as `append`."""
        await self._written(lambda: self._keep(name, value), lambda _: None)

    async def read(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a read-only statement; see `ask`."""
        return await self.ask(lambda connection: list(connection.execute(statement, values)))

    async def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """What a function answers that gets a read-only connection; it runs in a thread of its own.

        Raises:
            Unavailable: It took longer than `READ_S`, or the database cannot be read.
        """
        return await asyncio.to_thread(self._asked, question)

    async def ended(self) -> None:
        """Wait until the writer has ended: after `close`, or by raising the bug that ended it."""
        await asyncio.wrap_future(self._writing)

    def reader(self) -> apsw.Connection:
        """A new read-only connection; the caller closes it."""
        connection = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(_BUSY_MS)
        return connection

    def close(self) -> None:
        """Write what waits, and close."""
        self._jobs.put(None)
        self._executor.shutdown()
        self._writer.close()

    async def _written(
        self, work: Callable[[], Stored | Exception], heard: Callable[[Stored | Exception], None]
    ) -> Stored:
        """What a work of the writer comes to when it is on the disk; `heard` is told in the writer's thread."""
        if self.has_ended:
            raise _ended()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Stored] = loop.create_future()

        def done(result: Stored | Exception) -> None:
            heard(result)
            loop.call_soon_threadsafe(_settle, future, result)

        try:
            self._jobs.put_nowait(_Job(work, done))
        except queue.Full:
            raise Unavailable("too many batches wait to be written", retry_after_s=2.0) from None
        return await future

    def _asked(self, question: Callable[[apsw.Connection], T]) -> T:
        connection, deadline = self.reader(), time.monotonic() + READ_S
        connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            return question(connection)
        except apsw.InterruptError as error:
            raise Unavailable(f"this takes longer than {READ_S:g} s; ask for less, or take a dump") from error
        except apsw.Error as error:
            raise Unavailable(f"the database cannot be read now: {error}") from error
        finally:
            connection.close()

    def _own_uuid(self) -> str:
        self._writer.execute("INSERT OR IGNORE INTO meta VALUES ('store', ?)", (str(uuid.uuid4()),))
        return str(self._writer.execute("SELECT value FROM meta WHERE name = 'store'").get)

    def _write_all(self) -> None:
        jobs: list[_Job | None] = []
        try:
            while None not in jobs:
                jobs = [self._jobs.get()]
                while len(jobs) < MAX_PER_COMMIT and jobs[-1] is not None and not self._jobs.empty():
                    jobs.append(self._jobs.get())
                self._commit([job for job in jobs if job is not None])
        finally:
            # Whoever was answered is past this; after a bug, nobody waits for ever.
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            for job in jobs:
                if job is not None:
                    job.done(_ended())

    def _commit(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        before = self._seq
        results: list[Stored | Exception]
        try:
            with _COMMIT.time():
                self._writer.execute("BEGIN IMMEDIATE")
                results = [job.work() for job in jobs]
                self._writer.execute("COMMIT")
        except apsw.Error as error:
            self._seq = before
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            log.warning("nothing written of %s that waited together: %s", len(jobs), error)
            results = [_translated(error)] * len(jobs)
        for job, result in zip(jobs, results, strict=True):
            job.done(result)

    def _keep(self, name: str, value: str) -> Stored:
        self._writer.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
        return Stored(self._seq, duplicate=False)

    def _insert(self, batch: Batch, digest: bytes) -> Stored | Exception:
        known = self._writer.execute(_KNOWN, (cells.batch_key(batch.batch),)).fetchall()
        if known:
            return _judged(batch.batch, digest, known[0])
        self._seq += 1
        row = {**rows.batch_row(batch, wall_us()), "digest": digest, "store": self.uuid, "seq": self._seq}
        self._writer.execute(f"INSERT INTO batches ({', '.join(row)}) VALUES ({_marks(len(row))})", tuple(row.values()))
        self._writer.execute(_LOCATE[batch.kind], (self._seq,))
        for packed in rows.result_rows(batch):
            self._writer.execute(packed.statement, (apsw.carray(packed.words), *packed.values))
        return Stored(self._seq, duplicate=False)


def _judged(batch_id: str, digest: bytes, known: tuple[Any, ...]) -> Stored | Exception:
    """What becomes of a batch whose key is taken, by itself or by another."""
    seq, known_digest, known_id = known
    if known_id != batch_id:
        return Unprocessable(f"batch {batch_id} begins like another id, {known_id}: give batches random UUIDs")
    if known_digest != digest:
        return Unprocessable(f"batch {batch_id} was stored before with other content")
    return Stored(int(seq), duplicate=True)


def _count(batch: Batch, result: Stored | Exception) -> None:
    if isinstance(result, Stored):
        _BATCHES.labels("duplicate" if result.duplicate else "new").inc()
        _STORED.inc(0 if result.duplicate else len(batch.columns))
        _HOPS.inc(0 if result.duplicate else rows.hop_count(batch))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _ended() -> Unavailable:
    return Unavailable("the writer of this instance has ended; another instance may take it")


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
