"""Takes rows out of a file of results into DuckDB, and writes them into Parquet files of their campaigns and days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw
import numpy as np

from hoploom.kit.errors import ConfigError
from hoploom.results import parquet_columns, parquet_files, parquet_places
from hoploom.results.parquet_columns import Column, Form
from hoploom.results.parquet_engine import Engine, literal
from hoploom.results.parquet_places import Span

_CHUNK_ROWS: Final = 16_384
"""Rows that pass through Python at a time."""
Row = tuple[Any, ...]


class Partition(NamedTuple):
    """A campaign's rows of a day among those that were taken.

    Attributes:
        folder: Where they belong, seen from the set's folder.
        condition: SQL that finds them.
        rows: How many there are.
    """

    folder: Path
    condition: str
    rows: int


class Written(NamedTuple):
    """What was written.

    Attributes:
        rows: Rows of all tables.
        files: Files.
        size_bytes: Their size.
    """

    rows: int = 0
    files: int = 0
    size_bytes: int = 0

    def plus(self, other: Written) -> Written:
        """Both together."""
        return Written(*(mine + its for mine, its in zip(self, other, strict=True)))


def load(engine: Engine, form: Form, source: apsw.Connection, span: Span) -> None:
    """Take rows into the table `placed`, in place of what it held.

    Args:
        engine: Where.
        form: Which table.
        source: A file of results.
        span: Which rows.

    Raises:
        ConfigError: The file cannot be read, or rows of it have no batch.
    """
    try:
        count = take(engine, "loaded", parquet_columns.row_columns(form),
                      source.execute(parquet_columns.read_rows(form), (span.above, span.upto)))  # fmt: skip
        keys = engine.run("SELECT DISTINCT batch_key FROM loaded ORDER BY batch_key")
        heads = (head for key in keys for head in source.execute(parquet_columns.READ_HEADS, key))
        take(engine, "heads", parquet_columns.HEAD_COLUMNS, heads)
    except apsw.Error as error:
        raise ConfigError(f"{source.filename} cannot be read as a file of results: {error}") from error
    engine.run(f"CREATE OR REPLACE TABLE placed AS {parquet_columns.placed(form)}")
    engine.run("DROP TABLE loaded")
    if engine.run("SELECT count(*) FROM placed") != [(count,)]:
        raise ConfigError(f"{source.filename} is no whole file of results: rows of {form.table} have no batch")


def take(engine: Engine, table: str, columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """Make a table of rows, in place of one of that name; answers how many there were.

    Args:
        engine: Where.
        table: Its name.
        columns: Its columns.
        rows: With -1 or an empty text where an optional column has nothing.
    """
    engine.run(f"CREATE OR REPLACE TABLE {table} ({', '.join(f'{each.name} {each.kind}' for each in columns)})")
    cells, left, count = ", ".join(map(parquet_columns.taken, columns)), iter(rows), 0
    while chunk := list(islice(left, _CHUNK_ROWS)):
        arrays = zip(columns, zip(*chunk, strict=True), strict=True)
        engine.insert(table, cells, {each.name: np.array(values, _kind(each)) for each, values in arrays})
        count += len(chunk)
    return count


def partitions(engine: Engine, form: Form) -> list[Partition]:
    """The campaigns and days of the rows that were taken, in their order."""
    found = engine.run("SELECT campaign, CAST(day AS VARCHAR), count(*) FROM placed GROUP BY ALL ORDER BY ALL")
    return [_partition(form, *each) for each in found]


def _partition(form: Form, campaign: str, day: str, rows: int) -> Partition:
    condition = f"campaign = {literal(campaign)} AND day = {literal(day)}"
    return Partition(parquet_places.partition(form.table, campaign, day), condition, rows)


def write(engine: Engine, form: Form, partition: Partition, made: Path, place: Path) -> Written:
    """Write a partition into its file.

    Args:
        engine: What holds the rows.
        form: Their table.
        partition: Which of them.
        made: Where the file is made.
        place: Where it is put then.

    Raises:
        Unavailable: The disk refuses.
    """
    copy(engine, parquet_columns.written(form, partition.condition), made)
    size_bytes = made.stat().st_size
    parquet_files.publish(made, place)
    return Written(partition.rows, 1, size_bytes)


def copy(engine: Engine, select: str, made: Path) -> None:
    """Write what a query answers into a file."""
    engine.run(f"COPY ({select}) TO {literal(made)} ({parquet_columns.WRITING})")


def _kind(column: Column) -> type:
    return object if column.is_text else np.int64
