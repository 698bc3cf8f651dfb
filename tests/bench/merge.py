"""Three dumps of 5 M rows merged by `hoploom merge`, and again, beside SQLite's own ATTACH and INSERT ... SELECT.

The anchor looks at nothing; the merge looks at every cell of every row, and keeps each batch once.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import apsw
import numpy as np

from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.results import tables
from lab.result_files import STORE, batch_row, empty
from unit.wire.batches import make

FILES, ROWS, BATCH_ROWS = 3, 5_000_000, 10_000
ANSWERED = 0.6
# It says what memory it needed at most; what the system remembers of a child may be its parent's.
_OURS = """
import sys
from hoploom.cli.main import main
code = main(sys.argv[1:])
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
sys.exit(code)
"""
_BATCH = make(rows=0)
_HEAD = batch_row(_BATCH, STORE, 0)
_PINGS = """
INSERT INTO ping_results SELECT ?1,
  format('%d.%d.%d.%d', value >> 56 & 255, value >> 48 & 255, value >> 40 & 255, value >> 32 & 255), value & 1, 1,
  1 - (value & 1), 0, iif(value & 1, NULL, value >> 1 & 262143), NULL, NULL, iif(value & 1, NULL, 57), NULL, NULL, NULL,
  value >> 20 & 4095 FROM carray(?2)
"""


def measure(scale: float = 1.0) -> list[Figure]:
    """Make the files, merge them in both ways, and merge them again."""
    rows = max(1, round(scale * ROWS / BATCH_ROWS)) * BATCH_ROWS
    with tempfile.TemporaryDirectory(prefix="hoploom-merge-") as folder:
        files = [_dump(Path(folder) / f"{number}.db", number, rows) for number in range(FILES)]
        bare = FILES * rows / _seconds(lambda: _bare(Path(folder) / "bare.db", files))
        target = Path(folder) / "merged.db"
        memory_kib: list[int] = []
        ours = FILES * rows / _seconds(lambda: memory_kib.append(_merge(target, files)))
        before = _digest(target)
        again_s = _seconds(lambda: _merge(target, files))
        changed = 0 if _digest(target) == before else FILES * rows
        bytes_a_row = target.stat().st_size / (FILES * rows)
    return [
        at_least(f"rows merged of {FILES} x {rows:,}", round(ours), "rows/s", 300_000, ("plain SQL", round(bare))),
        at_most("rows that a second merge changes", changed, "rows", 0),
        at_most("a second merge", again_s, "s", 5.0),
        at_most("memory of a merge, Python's own included", memory_kib[0] / 1024, "MB", 150),
        at_most("size of a row merged", bytes_a_row, "bytes", 52),
    ]


def _dump(path: Path, number: int, rows: int) -> Path:
    """A dump of answered and lost pings at random addresses."""
    random = np.random.default_rng(number)
    with contextlib.closing(empty(path)) as connection, connection:
        for seq in range(1, rows // BATCH_ROWS + 1):
            key = _add_batch(connection, uuid.UUID(bytes=random.bytes(16)), seq)
            lost = random.random(BATCH_ROWS) >= ANSWERED
            values = random.integers(2**24, 2**31, BATCH_ROWS) << 32 | random.integers(0, 2**31, BATCH_ROWS) << 1 | lost
            connection.execute(_PINGS, (key, apsw.carray(values)))
            connection.execute(
                "UPDATE batches SET answered = ?, lost = ? WHERE batch_key = ?",
                (BATCH_ROWS - int(lost.sum()), int(lost.sum()), key),
            )
    return path


def _add_batch(connection: apsw.Connection, name: uuid.UUID, seq: int) -> int:
    names = [str(each) for (each,) in connection.execute("SELECT name FROM pragma_table_info('batches')")]
    row = dict(zip(names, _HEAD, strict=True)) | {
        "batch": str(name), "batch_key": name.int >> 65, "digest": hashlib.sha256(name.bytes).digest(),
        "seq": seq, "result_rows": BATCH_ROWS, "stop": BATCH_ROWS,
    }  # fmt: skip
    connection.execute(f"INSERT INTO batches VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
    return name.int >> 65


def _bare(path: Path, files: list[Path]) -> None:
    with contextlib.closing(empty(path)) as connection:
        connection.pragma("synchronous", "FULL")
        for file in files:
            connection.execute("ATTACH ? AS a", (str(file),))
            with connection:
                for table in tables.TABLES:
                    connection.execute(f"INSERT INTO main.{table} SELECT * FROM a.{table}")
            connection.execute("DETACH a")


def _merge(path: Path, files: list[Path]) -> int:
    """Merge by the command; the memory that it needed at most, in KiB."""
    command = [sys.executable, "-c", _OURS, "merge", *map(str, files), "-o", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.splitlines()[-1])


def _seconds(task: Callable[[], object]) -> float:
    before = time.perf_counter()
    task()
    return time.perf_counter() - before


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
