"""`hoploom query "SELECT ..."`: asks the Parquet files of a data set, in SQL, and changes nothing.

Exit codes: 0 answered, 2 the query is wrong, takes too long or too much, or there is nothing to ask.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from hoploom.cli import pipes, screen
from hoploom.kit.errors import ConfigError

NAME = "query"
HELP = "ask the data set in SQL: SELECT ... FROM ping_results, traceroutes, traceroute_hops"
_SAMPLE_ROWS: Final = 1_000
"""Rows that are written at a time, and that the widths of a table's columns are taken of."""
_MEGABYTE: Final = 10**6
_BESIDES_MB: Final = 1_024
"""What the process may take beyond DuckDB's own bound, which values under construction do not count for."""
_MOST_S: Final = 86_400
_LEAST_MB, _MOST_MB = 64, 1_000_000
Row = tuple[Any, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("sql", metavar="SQL", help="one SELECT; `SHOW TABLES` and `DESCRIBE ping_results` work as well")
    parser.add_argument("--data-set", type=Path, metavar="DIR", help="its folder (default: the local mesh's own)")
    parser.add_argument("--format", choices=sorted(_FORMATS), default="table", help="of the answer (default: table)")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="seconds it may take (default: 60)")
    parser.add_argument("--memory", type=int, default=1_024, metavar="MB", help="memory it may take (default: 1024)")
    screen.add_mesh(parser)


def run(args: argparse.Namespace) -> int:
    """Ask, and print the answer while it comes."""
    try:
        from hoploom.results import query  # noqa: PLC0415 - needs packages that the kit alone does not bring
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed: `pip install 'hoploom[query]'` brings it") from error
    if not 0 < args.timeout <= _MOST_S:
        raise ConfigError(f"--timeout is a number of seconds, at most {_MOST_S:,}, not {args.timeout:g}")
    if not _LEAST_MB <= args.memory <= _MOST_MB:
        raise ConfigError(f"--memory is {_LEAST_MB} to {_MOST_MB:,} MB, not {args.memory}")
    _bound_memory(args.memory)
    folder = args.data_set or screen.places(args).data_set
    limits = replace(query.LIMITS, memory_mb=args.memory)
    with pipes.ends_with_its_reader(), query.asked(_parquet(folder), args.sql, args.timeout, limits) as answer:
        texts = _FORMATS[args.format](answer.columns, answer.rows)
        while text := "".join(islice(texts, _SAMPLE_ROWS)):
            pipes.write(sys.stdout, text)
    return 0


def _parquet(folder: Path) -> Path:
    """The Parquet files of a data set, or a folder that has nothing else."""
    return folder / "parquet" if (folder / "parquet").is_dir() else folder


def _bound_memory(memory_mb: int) -> None:
    most = (memory_mb + _BESIDES_MB) * _MEGABYTE
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _table(columns: Sequence[str], rows: Iterator[Row]) -> Iterator[str]:
    sample = [[_printable(cell) for cell in row] for row in islice(rows, _SAMPLE_ROWS)]
    widths = [max(map(len, cells)) for cells in zip(map(_printable, columns), *sample, strict=True)]
    rest = ([_printable(cell) for cell in row] for row in rows)
    for cells in chain([[*map(_printable, columns)], ["-" * width for width in widths]], sample, rest):
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"


def _csv(columns: Sequence[str], rows: Iterator[Row]) -> Iterator[str]:
    for row in chain([columns], rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(["" if cell is None else _text(cell) for cell in row])
        yield line.getvalue()


def _json(columns: Sequence[str], rows: Iterator[Row]) -> Iterator[str]:
    """One document, a line for each row."""
    before = "["
    for row in rows:
        yield f"{before}{json.dumps(dict(zip(columns, map(_plain, row), strict=True)))}"
        before = ",\n"
    yield "[]\n" if before == "[" else "]\n"


_FORMATS: Final[dict[str, Callable[[Sequence[str], Iterator[Row]], Iterator[str]]]] = {
    "csv": _csv,
    "json": _json,
    "table": _table,
}


def _printable(cell: Any) -> str:
    """A cell on one line; what a stranger named cannot steer the terminal."""
    text = "NULL" if cell is None else _text(cell)
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _text(cell: Any) -> str:
    plain = _plain(cell)
    return plain if isinstance(plain, str) else json.dumps(plain)


def _plain(cell: Any) -> Any:
    """A cell as JSON has it; times by ISO 8601, what it has no words for as text."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    if isinstance(cell, list | tuple):
        return [_plain(each) for each in cell]
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "milliseconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return cell if cell is None or isinstance(cell, bool | int | float | str) else str(cell)
