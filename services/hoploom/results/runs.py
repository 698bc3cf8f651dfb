"""Taking the rows of new batches out of a file, a batch at a time, and judging each row on the way.

The rows of a batch lie together in every file that outputs and merges make, so each batch is one range of rowids: its
first row is looked up, and its `batches` row says how many follow. Nothing is known of a batch's rows but that, so a
file with rows too many, too few, of no batch or not together is found out when the ranges do not add up. What is kept
of a file's batches meanwhile is a temporary table of SQLite's: memory stays the same however large the file is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import apsw

from hoploom.results import tables
from hoploom.results.address_texts import SEPARATOR, are_addresses
from hoploom.results.row_rules import ADDRESSES, ARE_WHOLE, MPLS_PATTERN, RULES

EXPECT: Final = """
CREATE TEMP TABLE incoming (
  batch_key INTEGER PRIMARY KEY, batch TEXT, kind TEXT, family INTEGER,
  result_rows INTEGER, hop_rows INTEGER, -- still to come
  is_new INTEGER
)
"""
"""What a file says of its batches; `is_new` for those whose rows are to be taken."""
_EXPECTED_ROWS: Final = {"ping_results": "result_rows", "traceroutes": "result_rows", "traceroute_hops": "hop_rows"}
_KIND: Final = {table: kind for kind, names in tables.RESULT_TABLES.items() for table in names}
_PIECE_ROWS: Final = 65_536
"""Rows whose addresses are looked at together: some 10 MB."""
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


class Bad(Exception):
    """A file's rows are not what it says, or not what a worker sends; its text goes on after the file's name."""


class _Run(NamedTuple):
    """The rows of a batch in one table: rowids first..last; they are to be taken if it is new."""

    table: str
    batch_key: int
    first: int
    last: int
    batch: str
    family: int
    is_new: bool

    @property
    def rows(self) -> int:
        return self.last - self.first + 1

    @property
    def where(self) -> str:
        return f"FROM source.{self.table} NOT INDEXED WHERE rowid BETWEEN {self.first} AND {self.last}"


def take_rows(connection: apsw.Connection) -> int:
    """Copy the rows of new batches from `source` into `main`.

    Args:
        connection: Has the file as `source`, the table `incoming` filled with all of its batches, and a transaction.

    Returns:
        How many rows.

    Raises:
        Bad: Says what is wrong; then the transaction must be rolled back.
        apsw.Error: The file is damaged, or the disk is full.
    """
    taken = 0
    for table in RULES:
        for run in _runs(connection, table):
            if run.is_new:
                _copy(connection, run)
                taken += run.rows
        _require_all(connection, table)
    return taken


def _runs(connection: apsw.Connection, table: str) -> Iterator[_Run]:
    """The runs of a table, in its order."""
    start = _LOWEST
    find = f"SELECT rowid, batch_key FROM source.{table} NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT 1"
    while found := connection.execute(find, (start,)).fetchall():
        run = _run(connection, table, *found[0])
        yield run
        if run.last == _HIGHEST:
            return
        start = run.last + 1


def _run(connection: apsw.Connection, table: str, rowid: apsw.SQLiteValue, key: apsw.SQLiteValue) -> _Run:
    """The run that begins at a row; its batch expects no others from now on."""
    if not isinstance(rowid, int) or not isinstance(key, int):
        raise Bad(f"row {rowid!r} of {table} has no number as its batch_key")
    column = _EXPECTED_ROWS[table]
    expected: list[tuple[Any, ...]] = connection.execute(
        f"SELECT {column}, batch, family, is_new FROM temp.incoming WHERE batch_key = ? AND kind = ?",
        (key, _KIND[table]),
    ).fetchall()
    if not expected:
        raise Bad(f"row {rowid} of {table} names batch {key}, and `batches` has none of that key and kind")
    rows, batch, family, is_new = expected[0]
    if not rows or rowid + rows - 1 > _HIGHEST:
        raise Bad(f"the rows of batch {batch} in {table} are more than it says, or do not lie together")
    connection.execute(f"UPDATE temp.incoming SET {column} = 0 WHERE batch_key = ?", (key,))
    return _Run(table, key, rowid, rowid + rows - 1, batch, family, bool(is_new))


def _copy(connection: apsw.Connection, run: _Run) -> None:
    for first in range(run.first, run.last + 1, _PIECE_ROWS):
        _judge_texts(connection, run._replace(first=first, last=min(run.last, first + _PIECE_ROWS - 1)))
    columns, rules = ", ".join(RULES[run.table]), " AND ".join((*RULES[run.table].values(), ARE_WHOLE[run.table]))
    connection.execute(
        f"INSERT INTO main.{run.table} (batch_key, {columns}) SELECT ?1, {columns} {run.where} "
        f"AND batch_key = ?1 AND {rules}",
        (run.batch_key,),
    )
    if connection.changes() != run.rows:
        raise Bad(_why_not(connection, run))


def _judge_texts(connection: apsw.Connection, run: _Run) -> None:
    """Look at what SQL cannot judge: addresses and label stacks."""
    families = ADDRESSES[run.table]
    asked = ", ".join(f"count({column}), group_concat({column}, char({ord(SEPARATOR)}))" for column in families)
    found: tuple[Any, ...] = connection.execute(f"SELECT {asked} {run.where}").fetchall()[0]
    for column, count, texts in zip(families, found[::2], found[1::2], strict=True):
        if count and not are_addresses(texts + SEPARATOR, count, families[column] or (run.family,)):
            raise Bad(f"{column} in rows {run.first} to {run.last} of {run.table} (batch {run.batch}) is no address, "
                      "or not of the batch's family")
    if "mpls" in RULES[run.table]:
        for (stack,) in connection.execute(f"SELECT DISTINCT mpls {run.where} AND mpls IS NOT NULL"):
            if not isinstance(stack, str) or not re.fullmatch(MPLS_PATTERN, stack):
                raise Bad(f"mpls in rows {run.first} to {run.last} of {run.table} (batch {run.batch}) is no labels")


def _why_not(connection: apsw.Connection, run: _Run) -> str:
    """Why some rows of a run could not be taken."""
    for column, rule in RULES[run.table].items():
        wrong = f"(NOT coalesce({rule}, 0) OR typeof({column}) = 'real')"
        for (rowid,) in connection.execute(f"SELECT rowid {run.where} AND {wrong} LIMIT 1"):
            return f"row {rowid} of {run.table} (batch {run.batch}) has a value in {column} that no worker sends"
    return f"the rows of batch {run.batch} in {run.table} are fewer than it says, or do not lie together"


def _require_all(connection: apsw.Connection, table: str) -> None:
    column = _EXPECTED_ROWS[table]
    find = f"SELECT batch, {column} FROM temp.incoming WHERE kind = ? AND {column} > 0 LIMIT 1"
    for batch, rows in connection.execute(find, (_KIND[table],)):
        raise Bad(f"batch {batch} says that it has {rows} rows in {table}, and it has none there")
