"""Every row of a file of results against the batches that were made: by content, not only by batch.

What a row must be is worked out from its batch's id (`made_batches`) row by row, by other code than the service's
(`result_files`). A row's id is its table, its batch, its target and its TTL; its hash is everything else in it. What a
store adds by itself (its uuid, its number, when it took a batch) is left out.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import apsw

from hoploom.results import tables
from hoploom.wire.batch import Batch
from lab.check_ledger import Account, Row, account
from lab.made_batches import made
from lab.result_files import STORE, batch_key, batch_row, result_rows

HOP_COLUMNS = 3
"""Columns of `traceroute_hops` that say which hop it is; of the other tables two do."""

_STORES_OWN = ("store", "seq", "clock_offset_us", "received_at_us")
_Keyed = tuple[int, Row]


def account_file(path: Path, kept: AbstractSet[str], acked: AbstractSet[str], sealed: Iterable[str]) -> Account:
    """Compare a file of results with what was made.

    Args:
        path: A file with the public tables that nobody writes to.
        kept: Ids of batches that must be there when all has drained: whoever made them could send them again.
        acked: Ids of batches that an output acknowledged.
        sealed: Ids of all batches that were made.

    Raises:
        AssertionError: SQLite finds the file damaged.
    """
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        assert connection.pragma("integrity_check") == "ok", f"{path} is damaged"
        return account_rows(rows_in(connection), kept, acked, sealed)


def account_rows(
    found: Iterable[_Keyed], kept: AbstractSet[str], acked: AbstractSet[str], sealed: Iterable[str]
) -> Account:
    """As `account_file`; `found` are rows with their `batch_key`, those of one batch together."""
    ids = {_key(batch): batch for batch in sealed}
    accounts, seen = [], set[str]()
    for key, group in groupby(found, itemgetter(0)):
        rows = [row for _, row in group]
        batch = ids.get(key, "")
        seen.add(batch)
        wanted = wanted_rows(batch) if batch else ()
        if sorted(rows) != sorted(wanted):
            accounts.append(account(wanted, wanted if batch in acked else [], rows))
    accounts += [account(rows, rows if batch in acked else [], []) for batch, rows in _away(kept | acked, seen)]
    return Account(**{name: _all(accounts, name) for name in Account.__dataclass_fields__})


@lru_cache(4096)
def wanted_rows(batch: str) -> Sequence[Row]:
    """The rows that the batch with this id must come to; remembered, for many a file has the same ones."""
    return tuple(rows_of(made(batch)))


def rows_of(batch: Batch) -> list[Row]:
    """The rows that a batch must come to, itself among them."""
    key = batch_key(batch)
    head = dict(zip(_columns("batches"), batch_row(batch, STORE, 1), strict=True))
    return [_head(head), *(_row(table, key, row) for table, rows in result_rows(batch).items() for row in rows)]


def rows_in(connection: apsw.Connection) -> Iterator[_Keyed]:
    """All rows of a file with their `batch_key`, in its order."""
    return heapq.merge(*(_in_table(connection, table) for table in tables.TABLES), key=itemgetter(0))


def _in_table(connection: apsw.Connection, table: str) -> Iterator[_Keyed]:
    names = _columns(table)
    for row in connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY batch_key"):
        key = int(row[names.index("batch_key")])
        yield key, _head(dict(zip(names, row, strict=True))) if table == "batches" else _row(table, key, row)


def _columns(table: str) -> tuple[str, ...]:
    if table not in _KNOWN:
        with closing(apsw.Connection(":memory:")) as empty:
            empty.execute(tables.TABLES[table])
            _KNOWN[table] = tuple(str(row[1]) for row in empty.execute(f"PRAGMA table_info({table})"))
    return _KNOWN[table]


_KNOWN: dict[str, tuple[str, ...]] = {}


def _head(values: Mapping[str, Any]) -> Row:
    rest = {name: value for name, value in values.items() if name not in _STORES_OWN}
    return Row(f"batches {values['batch']}", repr(rest))


def _row(table: str, key: int, row: tuple[Any, ...]) -> Row:
    width = HOP_COLUMNS if table == "traceroute_hops" else HOP_COLUMNS - 1
    return Row(" ".join(map(str, (table, key, *row[1:width]))), repr(row[width:]))


def _away(wanted: AbstractSet[str], seen: AbstractSet[str]) -> Iterator[tuple[str, Sequence[Row]]]:
    return ((batch, wanted_rows(batch)) for batch in sorted(wanted - seen))


def _key(batch: str) -> int:
    return int(batch.replace("-", ""), 16) >> 65


def _all(accounts: Iterable[Account], name: str) -> tuple[str, ...]:
    return tuple(sorted(each for one in accounts for each in getattr(one, name)))
