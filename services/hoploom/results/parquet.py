"""Writes the rows of a data set as Parquet files, a slice at a time: what came since the last time, each row once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from hoploom.results import parquet_columns, parquet_compaction, parquet_files, parquet_rows
from hoploom.results.parquet_cursor import Cursor
from hoploom.results.parquet_engine import Limits, working
from hoploom.results.parquet_rows import Written

SLICE_ROWS: Final = 100_000
"""Rows that are in memory at a time: with them an instance that collects takes some 140 MB more, with ten times as many
560 MB, and is hardly faster. Small files are put together afterwards."""


def export_new(
    merged: apsw.Connection, folder: Path, *, slice_rows: int = SLICE_ROWS, limits: Limits | None = None
) -> Written:
    """Write all that merged.db has and the Parquet set does not; else as `export_some`."""
    written = Written()
    while (found := export_some(merged, folder, slice_rows=slice_rows, limits=limits)).rows:
        written = written.plus(found)
    return written


def export_some(
    merged: apsw.Connection, folder: Path, *, slice_rows: int = SLICE_ROWS, limits: Limits | None = None
) -> Written:
    """Write a slice of each table, and put small files of its days together: work of seconds, that may be left then.

    Killed at any point, the next call goes on: no row is lost, and at no time does a reader find one twice.

    Args:
        merged: Connection to merged.db, without a transaction, of the set's one owner.
        folder: The Parquet set; made when it is not there.
        slice_rows: Rows to have in memory at a time.
        limits: What DuckDB may take.

    Returns:
        What was written, nothing when all is; rows that were put together with others are not counted again.

    Raises:
        ConfigError: The set is not of this merged.db, or DuckDB is not installed.
        Unavailable: The disk refuses.
    """
    limits, written = limits or Limits(), Written()
    cursors = {form: Cursor(merged, folder, form.table) for form in parquet_columns.FORMS.values()}
    spans = {form: span for form, cursor in cursors.items() if (span := cursor.following(slice_rows))}
    if not spans:
        return written
    with parquet_files.scratch(folder) as scratch, working(folder, limits, scratch) as engine:
        for form, span in spans.items():
            parquet_rows.load(engine, form, merged, span)
            places = {folder / each.folder / span.name: each for each in parquet_rows.partitions(engine, form)}
            for place, partition in places.items():
                written = written.plus(parquet_rows.write(engine, form, partition, scratch / span.name, place))
            cursors[form].passed(span)
            for place in places:
                parquet_compaction.compact(engine, place.parent, scratch)
    return written
