"""Results as one Parquet file, of which `flat` says the columns.

Rows go through files of one row group each, so that a file of any size takes the same memory.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from hoploom.results import parquet_rows
from hoploom.results.formats.flat import COLUMNS, Row, flat
from hoploom.results.parquet_columns import TIME
from hoploom.results.parquet_engine import Engine, Limits, literal, pattern, working
from hoploom.results.rows import Group

_GROUP_ROWS: Final = 122_880
_READ: Final = tuple(each._replace(kind="BIGINT") if each is TIME else each for each in COLUMNS)
_ABSENT: Final[dict[bool, object]] = {True: "", False: -1}
_SELECT: Final = ", ".join(
    f"CAST(epoch_ms({each.name}) AS {each.kind}) AS {each.name}" if each is TIME else each.name for each in COLUMNS
)


def write(groups: Iterable[Group], out: BinaryIO) -> None:
    """Write the file.

    Args:
        groups: Batches with their rows.
        out: Gets it at the end.

    Raises:
        ConfigError: DuckDB is not installed.
        Unavailable: The disk for temporary files refuses.
    """
    with tempfile.TemporaryDirectory(prefix="hoploom-parquet-") as name:
        folder, rows = Path(name), flat(groups)
        with working(folder, Limits(), folder / "spill") as engine:
            parts: list[Path] = []
            while (chunk := list(islice(rows, _GROUP_ROWS))) or not parts:
                parts.append(folder / f"{len(parts)}.parquet")
                _write_group(engine, chunk, parts[-1])
            files = ", ".join(literal(pattern(part)) for part in parts)
            parquet_rows.copy(engine, f"SELECT * FROM read_parquet([{files}])", folder / "whole")
        with (folder / "whole").open("rb") as whole:
            shutil.copyfileobj(whole, out)


def _write_group(engine: Engine, rows: Sequence[Row], made: Path) -> None:
    known = (tuple(_ABSENT[each.is_text] if cell is None else cell for cell, each in zip(row, _READ, strict=True))
             for row in rows)  # fmt: skip
    parquet_rows.take(engine, "flat", _READ, known)
    parquet_rows.copy(engine, f"SELECT {_SELECT} FROM flat", made)
