"""Copies the batches of a range of `seq`, with their rows, from files of a store into a file that is exactly a dump.

Rows lie in the order in which their batches came and nothing is ever removed from among them, so a range of batches is
a range of rows, found by counting and without an index. Whole tables are copied without looking into their rows.
Blocks; SQLite lets others run while it copies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import apsw

from hoploom.kit.errors import OutOfSpace, Unavailable
from hoploom.output_service.files import BUSY_MS, Source
from hoploom.results import tables

EVERYTHING = 2**62
"""After every `seq`; fits the integers of SQLite."""

_STEPS = 100_000
_AGAIN_S = 30.0
_COUNTS = """
SELECT kind, coalesce(sum(result_rows) FILTER (WHERE seq <= :since), 0),
  coalesce(sum(result_rows) FILTER (WHERE seq > :since AND seq <= :upto), 0), sum(result_rows),
  coalesce(sum(hop_rows) FILTER (WHERE seq <= :since), 0),
  coalesce(sum(hop_rows) FILTER (WHERE seq > :since AND seq <= :upto), 0), sum(hop_rows)
FROM source.batches GROUP BY kind
"""
_BATCHES = "INSERT INTO main.batches SELECT * FROM source.batches WHERE seq > ? AND seq <= ? ORDER BY batch"
# The target is of no use until it is whole, and then it is synced by whoever keeps it.
_FRESH = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -16384;
"""


class Wanted(NamedTuple):
    """Batches with since < seq <= upto of one store."""

    store: str
    since: int
    upto: int


@dataclass(frozen=True)
class Extracted:
    """What is in a copy: its first and last batch (where it has none, the first comes after the last), and its rows."""

    first_seq: int
    last_seq: int
    rows: int


class _Piece(NamedTuple):
    """Rows of one table: so many, after so many others, out of all."""

    table: str
    before: int
    wanted: int
    all: int


def extract(sources: Sequence[Source], target: Path, wanted: Wanted, gives_up: Callable[[], bool]) -> Extracted:
    """Make a dump.

    Args:
        sources: The files that may have such batches, oldest first; each is read in one transaction.
        target: A path where there is nothing; what is there after an error is of no use.
        wanted: Which batches.
        gives_up: Tells, when it is asked again and again, that the copy is not wanted any more.

    Raises:
        OutOfSpace: The disk is full.
        Unavailable: It took too long, or a file cannot be read.
    """
    try:
        copy = apsw.Connection(
            str(target), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
        )
        try:
            # Whoever closes a file's last connection locks it for a moment.
            copy.set_busy_timeout(BUSY_MS)
            copy.set_progress_handler(gives_up, _STEPS)
            return _extract(copy, sources, wanted)
        finally:
            copy.close()
    except (apsw.FullError, apsw.IOError) as error:
        raise OutOfSpace(f"the disk takes no copy: {error}", retry_after_s=_AGAIN_S) from error
    except apsw.InterruptError as error:
        raise Unavailable("no copy could be made in time: ask for less of it", retry_after_s=_AGAIN_S) from error
    except apsw.Error as error:
        raise Unavailable(f"no copy could be made: {error}", retry_after_s=_AGAIN_S) from error


def _extract(copy: apsw.Connection, sources: Sequence[Source], wanted: Wanted) -> Extracted:
    copy.execute(_FRESH)
    for statement in (*tables.TABLES.values(), tables.BATCHES_BY_KEY, tables.META):
        copy.execute(statement)
    rows = sum(_take(copy, source, wanted) for source in sources)
    first, last = copy.execute("SELECT min(seq), max(seq) FROM batches").get
    found = Extracted(first or wanted.since + 1, last or wanted.since, rows)
    meta = {"store": wanted.store, "first_seq": str(found.first_seq), "last_seq": str(found.last_seq)}
    copy.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
    copy.pragma("user_version", tables.SCHEMA)
    return found


def _take(copy: apsw.Connection, source: Source, wanted: Wanted) -> int:
    """Copy what one file has, as it is at one moment; how many rows of results that were."""
    copy.execute("ATTACH ? AS source", (source.uri,))
    copy.execute("BEGIN")
    pieces = [
        piece
        for row in copy.execute(_COUNTS, {"since": wanted.since, "upto": wanted.upto}).fetchall()
        for piece in _pieces(*row)  # type: ignore[arg-type]
    ]
    copy.execute(_BATCHES, (wanted.since, wanted.upto))
    for piece in pieces:
        if piece.wanted == piece.all:
            copy.execute(f"INSERT INTO main.{piece.table} SELECT * FROM source.{piece.table}")
        elif piece.wanted:
            bounds = (piece.before, piece.before + piece.wanted)
            copy.execute(
                f"INSERT INTO main.{piece.table} SELECT * FROM source.{piece.table} WHERE rowid > ? AND rowid <= ? "
                "ORDER BY rowid", bounds,
            )
    copy.execute("COMMIT")
    copy.execute("DETACH source")
    return sum(piece.wanted for piece in pieces)


def _pieces(kind: str, *counts: int) -> list[_Piece]:
    """What to copy of the tables of one kind; `counts` are before, wanted and all of its results, and of its hops."""
    return [_Piece(table, *counts[3 * each : 3 * each + 3]) for each, table in enumerate(tables.RESULT_TABLES[kind])]
