"""Merging files of results by batch: what is there already is left alone, what is new comes whole or not at all.

The order in which files are merged makes no difference, and merging one again changes nothing. The same batch may have
come to two stores; then its row names the one that had it first. Where two files have the same batch id with different
content, the rows that were there first stay, and the batch is reported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from hoploom.results import batch_rules, runs
from hoploom.results.source import Refused, attached

_NEW, _KNOWN, _CONFLICT = range(3)
_MAX_NAMED: Final = 20
"""Conflicts whose ids are kept: there are none among honest workers."""
_RECEIPT: Final = ("received_at_us", "store", "seq", "clock_offset_us")
"""What differs between two stores that took the same batch; in the order by which the first of them is told."""


@dataclass(frozen=True)
class Merged:
    """What became of a file.

    Attributes:
        batches: Batches that were new.
        rows: Their rows in all tables of results.
        duplicates: Batches that were there before, with the same content.
        conflicts: Batches that were there before with other content; they stay as they were.
        named: Ids of the first of these.
    """

    batches: int
    rows: int
    duplicates: int
    conflicts: int
    named: tuple[str, ...]


def merge(into: apsw.Connection, source: Path) -> Merged:
    """Merge a file of results into a database that has the public tables, in one transaction.

    Args:
        into: Opened for writing and with SQLITE_OPEN_URI; in no transaction.
        source: The file; it may be hostile.

    Raises:
        Refused: It is no good file of results; says why.
        OutOfSpace: The disk is full.
        Unavailable: Another process writes to the database, or a disk fails.
    """
    with attached(into, source), transaction(into):
        return take_new(into, source)


@contextlib.contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """All of what is done within, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def take_new(into: apsw.Connection, source: Path) -> Merged:
    """Take what is new of the file that is attached as `source`, within a transaction; raises as `merge` does."""
    into.execute(runs.EXPECT)
    try:
        fates, named = _take_batches(into)
        rows = runs.take_rows(into)
    except runs.Bad as error:
        raise Refused(f"nothing of {source} was taken: {error}") from error
    into.execute("DROP TABLE temp.incoming")
    return Merged(fates[_NEW], rows, fates[_KNOWN], fates[_CONFLICT], tuple(named))


def _take_batches(into: apsw.Connection) -> tuple[list[int], list[str]]:
    """Insert the rows of new batches into `batches`, all into `incoming`; how many of each fate, and conflicts' ids."""
    fates, named, last = [0, 0, 0], list[str](), ""
    names = [str(name) for (name,) in into.execute("SELECT name FROM pragma_table_info('batches', 'main')")]
    for values in into.execute(f"SELECT {', '.join(names)} FROM source.batches NOT INDEXED ORDER BY batch"):
        row = dict(zip(names, values, strict=True))
        if reason := batch_rules.fault(row):
            raise runs.Bad(f"the row of batch {ascii(row['batch'])[:64]} is wrong, {reason}")
        if row["batch"] <= last:
            raise runs.Bad(f"batch {row['batch']} stands there twice, or out of order")
        last, fate = row["batch"], _take_batch(into, row)
        fates[fate] += 1
        if fate == _CONFLICT and len(named) < _MAX_NAMED:
            named.append(last)
        expected = [row[each] for each in ("batch_key", "batch", "kind", "family", "result_rows", "hop_rows")]
        into.execute("INSERT INTO temp.incoming VALUES (?, ?, ?, ?, ?, ?, ?)", (*expected, fate == _NEW))
    return fates, named


def _take_batch(into: apsw.Connection, row: dict[str, Any]) -> int:
    """Insert one row of `batches` unless its batch is there; what became of it."""
    known: list[tuple[Any, ...]] = into.execute(
        f"SELECT batch, digest, {', '.join(_RECEIPT)} FROM main.batches WHERE batch_key = ?", (row["batch_key"],)
    ).fetchall()
    if not known:
        marks = ", ".join("?" * len(row))
        into.execute(f"INSERT INTO main.batches VALUES ({marks})", tuple(row.values()))
        return _NEW
    batch, digest, *receipt = known[0]
    # Other batches whose ids begin alike cannot be told apart by their rows' key.
    if (batch, digest) != (row["batch"], row["digest"]):
        return _CONFLICT
    earlier = [row[each] for each in _RECEIPT]
    if earlier < receipt:
        changes = ", ".join(f"{each} = ?" for each in _RECEIPT)
        into.execute(f"UPDATE main.batches SET {changes} WHERE batch = ?", (*earlier, batch))
    return _KNOWN
