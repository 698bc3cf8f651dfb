"""Results as CSV (RFC 4180, lines end with LF): one table, of which `flat` says the columns. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import BinaryIO, Final

from hoploom.results.formats.flat import COLUMNS, Row, flat
from hoploom.results.parquet_columns import TIME
from hoploom.results.rows import Group
from hoploom.results.tables import FIRST_MS, LAST_MS

_EPOCH: Final = datetime(1970, 1, 1)
_NAMES: Final = [each.name for each in COLUMNS]
_TIME: Final = _NAMES.index(TIME.name)
_SUSPECT: Final = _NAMES.index("suspect")
_CHUNK_ROWS: Final = 1_000
_FORMULAS: Final = ("=", "+", "-", "@", "\t")


def write(groups: Iterable[Group], out: BinaryIO) -> None:
    """Write a line of names, and a line a row; absent values are empty, times ISO 8601 in UTC.

    Args:
        groups: Batches with their rows.
        out: Gets UTF-8.
    """
    rows = map(_cells, flat(groups))
    out.write(HEADING.encode())
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        out.write(_text(chunk).encode())


def text(groups: Iterable[Group]) -> str:
    """The lines of few batches, as `write` writes them, without that of names."""
    return _text(map(_cells, flat(groups)))


def _text(rows: Iterable[Iterable[object]]) -> str:
    found = io.StringIO()
    csv.writer(found, lineterminator="\n").writerows(rows)
    return found.getvalue()


HEADING: Final = _text([_NAMES])
"""The line of names."""


def _cells(row: Row) -> list[object]:
    cells = [_inert(each) if isinstance(each, str) else each for each in row]
    at_ms = min(max(row[_TIME], FIRST_MS), LAST_MS)
    cells[_TIME] = (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds") + "Z"
    cells[_SUSPECT] = int(row[_SUSPECT])
    return cells


def _inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula: names of ours never look like one, those of others may.

    Source: OWASP, "CSV Injection".
    """
    return f"'{text}" if text.startswith(_FORMULAS) else text
