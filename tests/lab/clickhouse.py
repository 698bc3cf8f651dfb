"""`python3 tests lab clickhouse`: ClickHouse reads a Parquet set as it is, and takes it into the README's table.

ClickHouse is chdb's, the whole of it as a Python package of 180 MB; it is installed into an environment of its own in
the folder for temporary files, and stays there. What it answers is compared with what `hoploom query` does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from hoploom.results import query
from hoploom.results.parquet import export_new
from lab.parquet_world import merged

PACKAGE: Final = "chdb-core==26.9.0"
HOME: Final = Path(tempfile.gettempdir()) / f"hoploom-lab-{os.getuid()}-{PACKAGE.replace('==', '-')}"
README: Final = Path(__file__).resolve().parents[2] / "README.md"
_TABLE: Final = re.compile(r"```sql\n(CREATE TABLE ping_results .*?)```", re.DOTALL)
_PLACE: Final = "parquet/ping_results"
"""Where the README's statements look for the files."""

_PROGRAM: Final = """
import json, sys
from chdb import session
place, statements = json.load(sys.stdin)
with session.Session(place) as clickhouse:
    for statement in statements:
        answer = clickhouse.query(statement, "JSONCompactEachRowWithNames")
        print(json.dumps([json.loads(line) for line in str(answer).splitlines() if line][1:]))
"""
QUESTIONS: Final = (
    "SELECT count(), count(DISTINCT address), sum(rtt_us), sum(received), count(rtt_us) FROM ping_results",
    "SELECT campaign, CAST(day AS {text}) AS day, outcome, count() FROM ping_results GROUP BY ALL ORDER BY ALL",
    "SELECT worker, worker_number, worker_group, count(), count(DISTINCT batch) FROM ping_results "
    "GROUP BY ALL ORDER BY ALL",
    "SELECT {ms}(min(probed_at)), {ms}(max(probed_at)), min(reply_ttl), count(icmp_from) FROM ping_results",
)
"""What both are asked; `count()` and GROUP BY ALL are said alike."""

SIZE: Final = (
    "SELECT sum(rows), sum(data_compressed_bytes) FROM system.parts WHERE active AND table = 'ping_results'"
)


def main(words: Sequence[str]) -> int:
    """Compare; 1 where the two differ."""
    parser = argparse.ArgumentParser(prog="python3 tests lab clickhouse", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the set (default: 1,000,000)")
    parser.add_argument("--parquet", type=Path, help="a Parquet set that is there, instead of one that is made")
    args = parser.parse_args(words)
    with _set(args.parquet, args.rows) as folder:
        ours = [_asked(folder, each.format(text="VARCHAR", ms="epoch_ms")) for each in QUESTIONS]
        theirs = [each.format(text="String", ms="toUnixTimestamp64Milli") for each in QUESTIONS]
        files = f"FROM file('{folder}/ping_results/*/*/*.parquet', Parquet)"
        from_files = _clickhouse([each.replace("FROM ping_results", files) for each in theirs])
        made = _statements(folder)
        *from_table, [[rows, size]] = _clickhouse([*made, *theirs, SIZE])[len(made) :]
    for name, found in (("the files as they are", from_files), ("the README's table", from_table)):
        print(f"{name}: {'the same answers' if found == ours else f'{found} is not {ours}'}")
    print(f"the table takes {int(size) / int(rows):.2f} bytes a row, of {int(rows):,} rows")
    return 0 if from_files == from_table == ours else 1


@contextmanager
def _set(folder: Path | None, rows: int) -> Iterator[Path]:
    if folder:
        yield folder.absolute()
        return
    with tempfile.TemporaryDirectory() as name:
        merged(Path(name, "merged.db"), rows)
        export_new(apsw.Connection(str(Path(name, "merged.db"))), Path(name, "parquet"))
        yield Path(name, "parquet")


def _asked(folder: Path, statement: str) -> list[list[Any]]:
    with query.asked(folder, statement, 600) as answer:
        return [[int(cell) if isinstance(cell, int) else cell for cell in row] for row in answer.rows]


def _statements(folder: Path) -> list[str]:
    """The README's statements, over these files."""
    found = _TABLE.search(README.read_text(encoding="utf-8"))
    assert found, "the README has no table for ClickHouse"
    statements = found[1].replace(f"'{_PLACE}", f"'{folder}/ping_results").split(";")
    return [each.strip() for each in statements if each.strip()]


def _clickhouse(statements: Sequence[str]) -> list[list[list[Any]]]:
    python = HOME / "bin" / "python"
    if not (HOME / "ready").exists():
        print(f"installing {PACKAGE} into {HOME}", flush=True)
        venv.EnvBuilder(clear=True, with_pip=True).create(HOME)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", PACKAGE]
        subprocess.run(pip, check=True)
        (HOME / "ready").touch()
    with tempfile.TemporaryDirectory() as place:
        ran = subprocess.run(
            [str(python), "-c", _PROGRAM], input=json.dumps([place, list(statements)]), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    if ran.returncode:
        sys.exit(ran.stderr)
    return [json.loads(line) for line in ran.stdout.splitlines()]
