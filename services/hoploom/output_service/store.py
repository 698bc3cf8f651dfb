"""The store: a folder of SQLite files, one thread that writes to the newest, read-only connections for the rest.

WAL with synchronous=FULL: what was acknowledged is on the disk. One writing connection, because SQLite up to 3.51.2 can
damage a WAL that two connections checkpoint at once. Files before the newest are final: see `folder`.
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import apsw

from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import ConfigError, Conflict, Unavailable, Unprocessable
from hoploom.output_service import cells, disk, folder, opening, reading_only, rotation, rows, schema
from hoploom.output_service.copying import Copying
from hoploom.output_service.writing import Writer, translated
from hoploom.results import tables
from hoploom.wire.batch import OTHER_CONTENT, Batch

T = TypeVar("T")
# A reader holds back checkpoints for as long as it reads; longer questions belong to a dump.
READ_S = 2.0
_STEPS = 100_000
_LAST_SEQ = schema.of_every_batch("max(seq)", "true")
_KNOWN = f"SELECT seq, digest, batch FROM {schema.EVERY_BATCH} WHERE batch_key = ?"
_LOCATE = {
    kind: f"INSERT INTO locations VALUES (?, (SELECT coalesce(max(rowid), 0) + 1 FROM {result_tables[0]}), "
    "(SELECT coalesce(max(rowid), 0) + 1 FROM traceroute_hops))"
    for kind, result_tables in tables.RESULT_TABLES.items()
}
_STORED = metrics.counter("hoploom_output_rows_stored_total", "Result rows stored.")
_HOPS = metrics.counter("hoploom_output_hops_stored_total", "Hops of traceroutes stored, silent ones among them.")
_BATCHES = metrics.counter("hoploom_output_batches_total", "Batches taken.", ("kind",))
_CLOCKS = metrics.histogram(
    "hoploom_output_clock_offset_seconds",
    "How far the wall clocks of workers are from this host's, either way, by batch.",
    buckets=(1, 10, 60, 3600, 86_400),
)


class OtherContent(Conflict):
    """Another batch has this very id; its worker sets this one aside."""

    title = OTHER_CONTENT


@dataclass(frozen=True)
class Stored:
    """What became of a batch: its place in this store, and whether it had been stored before."""

    seq: int
    duplicate: bool


class Store:
    """An open store; use `append` for writing and `read` for reading.

    Attributes:
        uuid: Names this store for good.
        files: Its files.
        copying: Its threads for long copies.
        confirmed: What data sets had confirmed when it was opened, by name.
    """

    def __init__(self, path: Path, max_waiting: int) -> None:
        """Open or make the store in a folder.

        Raises:
            ConfigError: It cannot be opened; says why.
        """
        opened = opening.open_folder(path)
        self.files, self.confirmed, self._max_waiting = opened.files, opened.confirmed, max_waiting
        try:
            self.uuid = _own_uuid(opened.writer)
            seq = int(opened.writer.execute(_LAST_SEQ).get or 0)
        except apsw.Error as error:
            raise ConfigError(f"cannot open the store in {path}: {error}") from error
        # The file after which the next one is made ready.
        self._prepared = 0
        self.writer, self.copying = Writer(opened.writer, seq), Copying()

    @property
    def path(self) -> Path:
        """The file that is written to."""
        return self.files.folder / folder.live(self.files.live)

    @property
    def waiting(self) -> int:
        """Batches that wait to be written."""
        return self.writer.waiting

    @property
    def has_ended(self) -> bool:
        """Whether the writer is gone: after `close`, or by a bug."""
        return self.writer.has_ended

    async def append(self, batch: Batch) -> Stored:
        """Store a batch; returns when it is on the disk.

        Raises:
            Unavailable: Too many batches wait already, or the writer has ended.
            OutOfSpace: The disk is full; nothing of the batch is stored.
            Unprocessable: Another batch has an id that begins like this one.
            OtherContent: Another batch has this very id.
        """
        ready = await asyncio.to_thread(rows.Ready, batch)
        if self.waiting >= self._max_waiting:
            raise Unavailable("too many batches wait to be written", retry_after_s=2.0)
        return await self.writer.together(lambda: self._insert(ready), lambda result: _count(batch, result))

    async def note(self, name: str, value: str) -> None:
        """Keep a value under a name in the table `meta`, over the one before, also in later files; raises as `append`.

        However many batches wait, it is taken: there are few notes, and some of them make room.
        """
        await self.writer.together(lambda: self._keep(name, value), lambda _: None)

    async def rotate(self, most_bytes: float, most_s: float) -> bool:
        """Begin the next file where this one has become too large or too old and is not empty.

        Returns:
            Whether it was begun.

        Raises:
            OutOfSpace: The disk is full; the file is gone on with.
            Unavailable: It cannot be made; the same.
        """
        return await self.writer.between(lambda: self._rotate((most_bytes, most_s)))

    async def prepare(self) -> None:
        """Make ready what the next file will have in any case, so that `rotate` takes no longer than it has to.

        Raises:
            OutOfSpace: The disk is full.
            Unavailable: It cannot be made, or the store is closed meanwhile.
        """
        number = self.files.live
        if number in (1, self._prepared):
            return
        try:
            await self.copying.run(rotation.prepare, self.files.folder, number, lambda: self.copying.has_ended)
        except (apsw.Error, OSError) as error:
            disk.remove(self.files.folder / folder.next_one(number + 1))
            raise translated(error) from error
        self._prepared = number

    async def last_seq(self) -> int:
        """The newest batch, 0 before the first."""
        return int((await self.read(_LAST_SEQ))[0][0] or 0)

    async def read(
        self, statement: str, values: Sequence[Any] = (), *, number: int | None = None
    ) -> list[tuple[Any, ...]]:
        """Rows of a read-only statement; see `ask`."""
        return await self.ask(lambda connection: list(connection.execute(statement, values)), number)

    async def ask(self, question: Callable[[apsw.Connection], T], number: int | None = None) -> T:
        """What a function answers that gets a read-only connection; it runs in a thread of its own.

        Args:
            question: The function.
            number: Of the file; None for the one that is written to, which knows the batches of all in
                `earlier_batches`, and their rows not.

        Raises:
            Unavailable: It took longer than `READ_S`, or the file cannot be read, or is not there any more.
        """
        return await asyncio.to_thread(self._asked, question, number)

    async def ended(self) -> None:
        """Wait until the writer has ended: after `close`, or by raising the bug that ended it."""
        await self.writer.ended()

    def close(self) -> None:
        """Write what waits, and close."""
        self.copying.close()
        # Of two that close a file the last one tidies up its `-wal`, which a reader may not.
        self.files.wait_for_readers(READ_S)
        self.writer.close()
        disk.remove(self.files.folder / folder.next_one(self.files.live + 1))

    def _asked(self, question: Callable[[apsw.Connection], T], number: int | None) -> T:
        deadline = time.monotonic() + READ_S
        try:
            with self.files.opened(self.files.live if number is None else number) as connection:
                connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
                reading_only.confine(connection)
                return question(connection)
        except apsw.InterruptError as error:
            raise Unavailable(f"this takes longer than {READ_S:g} s; ask for less, or take a dump") from error
        except apsw.Error as error:
            raise Unavailable(f"the database cannot be read now: {error}") from error

    def _keep(self, name: str, value: str) -> Stored:
        self.writer.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
        return Stored(self.writer.seq, duplicate=False)

    def _insert(self, ready: rows.Ready) -> Stored | Exception:
        batch, digest, connection = ready.batch, ready.digest, self.writer.connection
        known = connection.execute(_KNOWN, (cells.batch_key(batch.batch),)).fetchall()
        if known:
            return _judged(batch.batch, digest, known[0])
        self.writer.seq += 1
        seq = self.writer.seq
        row = {**rows.batch_row(batch, wall_us()), "digest": digest, "store": self.uuid, "seq": seq}
        connection.execute(f"INSERT INTO batches ({', '.join(row)}) VALUES ({_marks(len(row))})", tuple(row.values()))
        connection.execute(_LOCATE[batch.kind], (seq,))
        for packed in itertools.chain(ready.first, ready.others):
            connection.execute(packed.statement, (apsw.carray(packed.words), *packed.values))
        return Stored(seq, duplicate=False)

    def _rotate(self, limits: tuple[float, float]) -> bool | Exception:
        before = self.writer.connection
        is_prepared, number = self._prepared == self.files.live, self.files.live
        try:
            size_bytes = disk.size_bytes(self.path)
            if not rotation.is_due(before, size_bytes, wall_us(), limits):
                return False
            self._prepared = 0
            self.writer.connection = rotation.begin(self.files.folder, number, is_prepared=is_prepared)
        except (apsw.Error, OSError) as error:
            disk.remove(self.files.folder / folder.next_one(number + 1))
            return translated(error)
        self.files.rotated(self.writer.seq + 1)
        before.close()
        return True


def _own_uuid(connection: apsw.Connection) -> str:
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('store', ?)", (str(uuid.uuid4()),))
    return str(connection.execute("SELECT value FROM meta WHERE name = 'store'").get)


def _judged(batch_id: str, digest: bytes, known: tuple[Any, ...]) -> Stored | Exception:
    """What becomes of a batch whose key is taken, by itself or by another."""
    seq, known_digest, known_id = known
    if known_id != batch_id:
        return Unprocessable(f"batch {batch_id} begins like another id, {known_id}: give batches random UUIDs")
    if known_digest != digest:
        return OtherContent(f"batch {batch_id} was stored before with other content")
    return Stored(int(seq), duplicate=True)


def _count(batch: Batch, result: Stored | Exception) -> None:
    if isinstance(result, Stored):
        _BATCHES.labels("duplicate" if result.duplicate else "new").inc()
        _STORED.inc(0 if result.duplicate else len(batch.columns))
        _HOPS.inc(0 if result.duplicate else rows.hop_count(batch))
        _CLOCKS.observe(abs(rows.clock_offset_us(batch, wall_us())) / 1_000_000)


def _marks(count: int) -> str:
    return ", ".join("?" * count)
