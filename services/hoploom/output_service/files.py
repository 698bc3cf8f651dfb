"""The files of an open store: which there are, where each is, and who reads which.

Used by the writer's thread, by readers' threads and by the loop. A file that was closed stays in its old form too,
until nobody reads that one any more: its `-wal` must not go under a reader that is about to open it.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from hoploom.kit.errors import Unavailable
from hoploom.output_service import disk, folder
from hoploom.output_service.closed import ClosedFile
from hoploom.output_service.migrations import LOCATED

BUSY_MS = 5000
MOST_IDLE = 4
"""Connections to the file that is written to which wait for the next reader: a new one reads the schema anew, and its
statements too, which takes longer than most questions."""

# What the file that is written to keeps of itself is worked out for one that is closed: its rows lie in the order of
# its batches.
_CLOSED_VIEW = f"""
CREATE TEMP TABLE locations (seq INTEGER PRIMARY KEY, first_row INTEGER NOT NULL, first_hop INTEGER NOT NULL);
INSERT INTO locations {LOCATED};
CREATE TEMP VIEW earlier_batches AS SELECT * FROM batches WHERE 0;
"""


@dataclass(frozen=True)
class Source:
    """A file to read.

    Attributes:
        number: Its number.
        path: Where it is.
        is_closed: Whether it is in its closed form, which never changes.
    """

    number: int
    path: Path
    is_closed: bool

    @property
    def uri(self) -> str:
        """As SQLite takes it for reading."""
        return f"{self.path.absolute().as_uri()}?{'immutable=1' if self.is_closed else 'mode=ro'}"


class Files:
    """All files of one store."""

    def __init__(self, path: Path, first_seqs: Mapping[int, int], closed: Iterable[ClosedFile]) -> None:
        """Take over what was found at the start.

        Args:
            path: The store's folder.
            first_seqs: The first batch, also of those to come, of each file that has no closed form.
            closed: The others.
        """
        self.folder, self.live = path, max(first_seqs)
        self._unclosed = set(first_seqs) - {self.live}
        self._closed = {file.number: file for file in closed}
        self._first_seqs = dict(first_seqs) | {file.number: file.first_seq for file in self._closed.values()}
        self._left: set[Path] = set()
        self._readers: Counter[Path] = Counter()
        self._idle: list[apsw.Connection] = []
        self._most_idle = MOST_IDLE
        self._lock = threading.Lock()
        self._reader_left = threading.Condition(self._lock)

    @property
    def closed(self) -> list[ClosedFile]:
        """All closed files, oldest first, those that were pruned among them."""
        with self._lock:
            return [self._closed[number] for number in sorted(self._closed)]

    @property
    def unclosed(self) -> list[int]:
        """Files that nobody writes to any more and that have no closed form yet, oldest first."""
        with self._lock:
            return sorted(self._unclosed)

    def numbers(self) -> list[int]:
        """All that can be read, oldest first; the last one is written to."""
        with self._lock:
            there = {number for number, file in self._closed.items() if not file.pruned}
            return [*sorted(there | self._unclosed), self.live]

    def number_of(self, seq: int) -> int:
        """The file that has a batch, or had it before it was pruned."""
        with self._lock:
            return max((number for number, first in self._first_seqs.items() if first <= seq), default=self.live)

    def first_seq(self, number: int) -> int:
        """The first batch of a file."""
        with self._lock:
            return self._first_seqs[number]

    def stop_seq(self, number: int) -> int:
        """The first batch after those of a file and of all before it; later than any where there is no later file."""
        with self._lock:
            return min((first for each, first in self._first_seqs.items() if each > number), default=2**62)

    def rotated(self, first_seq: int) -> None:
        """From now on the next file is written to, beginning with this batch."""
        with self._lock:
            self._close_idle()
            self._unclosed.add(self.live)
            self.live += 1
            self._first_seqs[self.live] = first_seq

    def was_closed(self, file: ClosedFile) -> None:
        """A file has a closed form now, or was pruned."""
        with self._lock:
            if file.number in self._unclosed:
                self._unclosed.remove(file.number)
                self._left.add(self._old(file.number))
            if file.pruned:
                self._left.add(self.folder / file.name)
            self._closed[file.number] = file

    def unread(self) -> list[Path]:
        """Old forms of closed files, and pruned ones, that nobody reads any more: to be removed, and named once."""
        with self._lock:
            free = sorted(path for path in self._left if not self._readers[path])
            self._left.difference_update(free)
            return free

    @contextmanager
    def leased(self, number: int) -> Iterator[Source]:
        """A file that stays where it is meanwhile.

        Raises:
            Unavailable: It is not there any more.
        """
        with self._lock:
            source = self._source(number)
            self._readers[source.path] += 1
        try:
            yield source
        finally:
            with self._lock:
                self._readers[source.path] -= 1
                self._reader_left.notify_all()

    def wait_for_readers(self, most_s: float) -> None:
        """Return when nobody reads any file, or after so many seconds; no connection is kept from then on."""
        with self._reader_left:
            self._reader_left.wait_for(lambda: not self._readers.total(), most_s)
            self._most_idle = 0
            self._close_idle()

    @contextmanager
    def opened(self, number: int) -> Iterator[apsw.Connection]:
        """A read-only connection to a file; it has the tables of the one that is written to, whichever it is.

        Raises:
            Unavailable: It is not there any more.
            apsw.Error: It cannot be read.
        """
        with self.leased(number) as source:
            connection, is_good = self._taken(source) or _opened(source), False
            try:
                yield connection
                is_good = _refreshed(connection)
            finally:
                if not (is_good and self._kept(source, connection)):
                    connection.close()

    def size_bytes(self) -> int:
        """What all files take on the disk."""
        with self._lock:
            there = [self.live, *self._unclosed]
            closed = sum(file.bytes for file in self._closed.values() if not file.pruned)
        return closed + sum(disk.size_bytes(self._old(number)) for number in there)

    def _taken(self, source: Source) -> apsw.Connection | None:
        """One that an earlier reader has left."""
        with self._lock:
            return self._idle.pop() if self._idle and source.number == self.live else None

    def _kept(self, source: Source, connection: apsw.Connection) -> bool:
        """Whether the next reader gets it."""
        with self._lock:
            kept = source.number == self.live and len(self._idle) < self._most_idle
            if kept:
                self._idle.append(connection)
            return kept

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _source(self, number: int) -> Source:
        if number == self.live or number in self._unclosed:
            return Source(number, self._old(number), is_closed=False)
        if number in self._closed and not self._closed[number].pruned:
            return Source(number, self.folder / folder.closed(number), is_closed=True)
        raise Unavailable(f"{folder.closed(number)} was pruned", retry_after_s=1.0)

    def _old(self, number: int) -> Path:
        return self.folder / folder.live(number)


def _opened(source: Source) -> apsw.Connection:
    connection = apsw.Connection(source.uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        connection.set_busy_timeout(BUSY_MS)
        if source.is_closed:
            connection.execute(_CLOSED_VIEW)
    except apsw.Error:
        connection.close()
        raise
    return connection


def _refreshed(connection: apsw.Connection) -> bool:
    """Whether it is as if it had just been opened."""
    connection.authorizer = None
    connection.set_progress_handler(None)
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except apsw.Error:
        return False
    return True
