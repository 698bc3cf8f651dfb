"""Begins the next file of a store: between two commits, in the writer's thread.

It is made under another name with all that it has to know of the files before: the store's UUID and notes, and their
batches. Synced, it gets its number; from then on it is the one that is written to, also after a crash. The batches of
files that are closed already are put in long before: there may be millions, and the writer should not wait for them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from hoploom.kit.clock import wall_us
from hoploom.output_service import disk, folder, schema
from hoploom.output_service.files import BUSY_MS, Source

BEGUN = "begun"
"""In the table `meta`: when this file was begun, and how large it was then."""

_FIRST_CAME = f"SELECT coalesce(min(received_at_us), {2**62}) FROM batches"
# Whether it is finished stands in the name, so nothing of a half-made file is ever read.
_FAST = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384"
_STEPS = 100_000
_INDEXES = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'earlier_batches' AND sql LIKE 'CREATE%INDEX%'"
_EARLIER = "INSERT INTO earlier_batches SELECT * FROM before.earlier_batches ORDER BY batch"
_INHERIT = """
INSERT INTO meta SELECT * FROM before.meta WHERE true ON CONFLICT DO UPDATE SET value = excluded.value;
INSERT INTO earlier_batches SELECT * FROM before.batches ORDER BY batch;
"""


@dataclass(frozen=True)
class Begun:
    """The beginning of a file.

    Attributes:
        at_us: Wall clock of this store.
        size_bytes: What it takes without any rows of its own.
    """

    at_us: int
    size_bytes: int

    def to_text(self) -> str:
        """As it is kept in the file."""
        return json.dumps({"at_us": self.at_us, "size_bytes": self.size_bytes})


def begun(connection: apsw.Connection) -> Begun:
    """When a file was begun; the first of a store was when its first batch came."""
    text = connection.execute("SELECT value FROM meta WHERE name = ?", (BEGUN,)).get
    if text:
        return Begun(**json.loads(str(text)))
    return Begun(int(connection.execute(_FIRST_CAME).get), 0)


def is_due(connection: apsw.Connection, size_bytes: int, now_us: int, limits: tuple[float, float]) -> bool:
    """Whether a file is large or old enough, and has anything.

    Args:
        connection: To the file.
        size_bytes: What it takes now.
        now_us: Wall clock of this store.
        limits: Bytes that it may take more than at its beginning, and seconds that it may last.
    """
    since, (most_bytes, most_s) = begun(connection), limits
    if size_bytes - since.size_bytes < most_bytes and now_us - since.at_us < most_s * 1_000_000:
        return False
    return connection.execute("SELECT 1 FROM batches LIMIT 1").get is not None


def prepare(path: Path, number: int, gives_up: Callable[[], bool] = lambda: False) -> None:
    """Make the file after the one with this number, as far as it is known while that one is written to.

    Args:
        path: The store's folder.
        number: Of the file that is written to.
        gives_up: Tells, when it is asked again and again, that it is not wanted any more.

    Raises:
        apsw.Error: It cannot be made.
        OSError: The same.
    """
    unfinished = path / folder.next_one(number + 1)
    disk.remove(unfinished)
    with _next(path, number) as made:
        made.set_progress_handler(gives_up, _STEPS)
        # An index is made of all at once much faster than batch by batch.
        indexes = made.execute(_INDEXES).fetchall()
        for name, _ in indexes:
            made.execute(f"DROP INDEX {name}")
        made.execute(_EARLIER)
        for _, statement in indexes:
            made.execute(str(statement))
    # Now, so that the writer has little to wait for.
    disk.sync(unfinished)


def begin(path: Path, number: int, *, is_prepared: bool = False) -> apsw.Connection:
    """Finish the file after the one with this number, and open it for writing.

    Args:
        path: The store's folder.
        number: Of the file that was written to until now; nobody is writing to it.
        is_prepared: Whether `prepare` has been called since the last `begin`, and has come to its end.

    Raises:
        apsw.Error: It cannot be made; nothing has changed, and the one before may be gone on with.
        OSError: The same.
    """
    if not is_prepared:
        prepare(path, number)
    unfinished = path / folder.next_one(number + 1)
    with _next(path, number) as made:
        made.execute("BEGIN")
        made.execute(_INHERIT)
        size_bytes = made.pragma("page_count") * made.pragma("page_size")
        made.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (BEGUN, Begun(wall_us(), size_bytes).to_text()))
        made.execute("COMMIT")
    target = path / folder.live(number + 1)
    try:
        return open_for_writing(disk.publish(unfinished, target.name))
    except (apsw.Error, OSError):
        _take_back(target)
        raise


def _take_back(target: Path) -> None:
    """Unmake a file that is not gone on with, or the next start would take it for the one that was written to."""
    try:
        disk.remove(target)
        disk.sync(target.parent)
    except OSError as error:
        raise RuntimeError(f"{target} cannot be removed again: this process must write nothing more") from error


def open_for_writing(path: Path) -> apsw.Connection:
    """The connection that writes to a file and checkpoints; it brings the tables up to date."""
    writer = apsw.Connection(str(path))
    writer.set_busy_timeout(BUSY_MS)
    writer.pragma("journal_mode", "wal")
    writer.pragma("synchronous", "FULL")
    schema.migrate(writer)
    return writer


@contextmanager
def _next(path: Path, number: int) -> Iterator[apsw.Connection]:
    """The unfinished file, with the one before it attached."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
    made = apsw.Connection(str(path / folder.next_one(number + 1)), flags=flags)
    try:
        made.execute(_FAST)
        schema.migrate(made)
        made.execute("ATTACH ? AS before", (Source(number, path / folder.live(number), is_closed=False).uri,))
        yield made
    finally:
        made.close()
