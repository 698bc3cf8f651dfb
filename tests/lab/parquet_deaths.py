"""Deaths at each step of writing Parquet files: readers find no row twice, and whoever goes on loses none.

As a program it prints a line for each death with what was found, JSON. Every life is forked from one process that never
opened DuckDB, whose threads no fork would take along.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import apsw
import duckdb

from hoploom.results import parquet_compaction, parquet_cursor, parquet_files
from hoploom.results.parquet import export_new
from hoploom.results.tables import TABLES
from lab.result_files import STORE, write
from unit.wire.batches import make

ROWS = 12
STEPS: tuple[tuple[Any, str], ...] = (
    (os, "fsync"), (Path, "rename"), (Path, "mkdir"), (Path, "hardlink_to"), (Path, "unlink"), (Path, "rmdir"),
    (parquet_files, "_rename_exchange"), (parquet_cursor.Cursor, "_write"),
)  # fmt: skip
"""What changes a folder or a mark."""


class Death(NamedTuple):
    """What became of one.

    Attributes:
        before: The step that it came before.
        finding: What was wrong afterwards; empty for nothing.
    """

    before: str
    finding: str


def deaths(folder: Path, fault: str = "") -> list[Death]:
    """Die before each step, one life each, until something is wrong.

    Args:
        folder: An empty folder.
        fault: A rule to break, of `FAULTS`.
    """
    command = [sys.executable, __file__, str(folder), fault]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [Death(*json.loads(line)) for line in lines]


def _remove_late(made: Path, place: Path) -> bool:
    """New files come before old ones go: a reader in between finds their rows twice."""
    before = list(place.iterdir())
    for path in made.iterdir():
        if not (place / path.name).exists():
            path.rename(place / path.name)
    for path in before:
        path.unlink()
    return True


FAULTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "old files go late": (parquet_files, "exchange", _remove_late),
}


def _set(folder: Path) -> Path:
    """A data set of which the first half is in files."""
    parts = [write(folder / f"{number}.db", STORE, [make(number, rows=ROWS)], first_seq=number) for number in (1, 2)]
    merged = parts[0].rename(folder / "merged.db")
    export_new(apsw.Connection(str(merged)), folder / "parquet", slice_rows=ROWS // 3)
    connection = apsw.Connection(str(merged))
    connection.execute("ATTACH ? AS more", (str(parts[1]),))
    for table in TABLES:
        connection.execute(f"INSERT INTO {table} SELECT * FROM more.{table}")
    connection.close()
    parts[1].unlink()
    return folder


def _export(folder: Path) -> None:
    export_new(apsw.Connection(str(folder / "merged.db")), folder / "parquet", slice_rows=ROWS)


def _die_before(step: int, log: Path) -> None:
    left = step

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                log.write_text(name)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **options)

        return wrapped

    for where, name in STEPS:
        setattr(where, name, watched(name, getattr(where, name)))


def _rows(folder: Path) -> list[str]:
    files = f"{folder}/parquet/ping_results/**/*.parquet"
    with duckdb.connect() as reader:
        return [address for (address,) in reader.execute(f"SELECT address FROM '{files}'").fetchall()]


def _judge(folder: Path) -> str:
    found = _rows(folder)
    if len(found) != len(set(found)):
        return f"a reader finds {len(found)} rows of {len(set(found))} targets"
    _export(folder)
    found = _rows(folder)
    if len(found) != 2 * ROWS or len(set(found)) != 2 * ROWS:
        return f"who goes on leaves {len(found)} rows of {len(set(found))} targets, of {2 * ROWS}"
    return ""


def _forked(life: Callable[[], object]) -> bool:
    """Whether a life ended by itself, and well."""
    pid = os.fork()
    if not pid:
        life()
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _lives(folder: Path) -> Iterator[Death]:
    first, log, verdict = folder / "first", folder / "step", folder / "verdict"
    first.mkdir()
    _forked(lambda: _set(first))
    for step in count(1):
        place = Path(shutil.copytree(first, folder / str(step)))

        def live(step: int = step, place: Path = place) -> None:
            _die_before(step, log)
            _export(place)

        def judge(place: Path = place) -> None:
            verdict.write_text(_judge(place))

        if _forked(live):
            return
        if not _forked(judge):
            verdict.write_text("who goes on falls over what was left")
        death = Death(log.read_text(), verdict.read_text())
        yield death
        if death.finding:
            return


if __name__ == "__main__":
    parquet_compaction.FILES = 4  # type: ignore[misc]
    if sys.argv[2]:
        setattr(*FAULTS[sys.argv[2]])
    for death in _lives(Path(sys.argv[1])):
        print(json.dumps(death), flush=True)
