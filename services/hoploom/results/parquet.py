"""Writes the rows of a data set as Parquet files, a slice at a time: what came since the last time, each row once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from hoploom.results import parquet_columns, parquet_compaction, parquet_files, parquet_rows
from hoploom.results.parquet_cursor import Cursor
from hoploom.results.parquet_engine import Limits, working
from hoploom.results.parquet_rows import Written

SLICE_ROWS: Final = 1_000_000
"""Rows that are in memory at a time, some 150 MB; a file of them is of about 8 MB."""


def export_new(
    merged: apsw.Connection, folder: Path, *, slice_rows: int = SLICE_ROWS, limits: Limits | None = None
) -> Written:
    """Write what merged.db has and the Parquet set does not, and put small files of a day together.

    Killed at any point, the next call goes on: no row is lost, and at no time does a reader find one twice.

    Args:
        merged: Connection to merged.db, without a transaction, of the set's one owner.
        folder: The Parquet set; made when it is not there.
        slice_rows: Rows to have in memory at a time.
        limits: What DuckDB may take.

    Returns:
        What was written; rows that were put together with others are not counted again.

    Raises:
        ConfigError: The set is not of this merged.db, or DuckDB is not installed.
        Unavailable: The disk refuses.
    """
    limits, written = limits or Limits(), Written()
    touched: set[Path] = set()
    cursors = {form: Cursor(merged, folder, form.table) for form in parquet_columns.FORMS.values()}
    if not any(cursor.following(slice_rows) for cursor in cursors.values()):
        return written
    with parquet_files.scratch(folder) as scratch, working(folder, limits, scratch) as engine:
        for form, cursor in cursors.items():
            while span := cursor.following(slice_rows):
                parquet_rows.load(engine, form, merged, span)
                for partition in parquet_rows.partitions(engine, form):
                    place = folder / partition.folder / span.name
                    written = written.plus(parquet_rows.write(engine, form, partition, scratch / span.name, place))
                    touched.add(place.parent)
                cursor.passed(span)
        for each in sorted(touched):
            parquet_compaction.compact(engine, each, scratch)
    return written
