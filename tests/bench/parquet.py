"""What a ping row takes in Parquet, how fast rows become Parquet, and how long a question over all of them takes.

The full run is of 10 M rows; the size of a pass over all addresses of the cloud providers' lists follows from it. The
anchor of the rate is SQLite alone: the same rows read in this process, and thrown away.
"""

import resource
import tempfile
import time
from pathlib import Path

import apsw

from hoploom.cli.bench import Figure, at_least, at_most
from hoploom.results import parquet_columns, query
from hoploom.results.parquet import export_new
from lab.parquet_world import merged

ROWS = 10_000_000
ROW_BYTES, SHARE = 10, 0.1
ASKED_S = 30
MEMORY_MB = 1_000
ASK = "SELECT campaign, outcome, count(*), avg(rtt_us) FROM ping_results GROUP BY ALL"


def measure(scale: float = 1.0) -> list[Figure]:
    """The figures.

    Args:
        scale: Part of the full number of rows.
    """
    rows = max(10_000, round(ROWS * scale))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        addresses = merged(folder / "merged.db", rows)
        source = apsw.Connection(str(folder / "merged.db"))
        read = rows / _read(source)
        began = time.perf_counter()
        written = export_new(source, folder / "parquet")
        rate = written.rows / (time.perf_counter() - began)
        size_bytes = sum(path.stat().st_size for path in (folder / "parquet").rglob("*.parquet"))
        asked_s = _asked(folder / "parquet")
    row_bytes = size_bytes / rows
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000
    return [
        at_most("size of a ping row", row_bytes, "bytes", ROW_BYTES),
        at_most(f"size of a pass over {addresses:,} addresses", row_bytes * addresses / 10**9, "GB",
                ROW_BYTES * addresses / 10**9),
        at_least("rows made Parquet in a second", rate, "rows/s", SHARE * read, ("read from SQLite alone", read)),
        at_most(f"counting {rows:,} rows by outcome", asked_s, "s", ASKED_S),
        at_most("memory, everything together", memory_mb, "MB", MEMORY_MB),
    ]  # fmt: skip


def _read(source: apsw.Connection) -> float:
    form = parquet_columns.FORMS["ping_results"]
    began = time.perf_counter()
    for _ in source.execute(parquet_columns.read_rows(form), (0, 2**62)):
        pass
    return time.perf_counter() - began


def _asked(folder: Path) -> float:
    began = time.perf_counter()
    with query.asked(folder, ASK, ASKED_S) as answer:
        assert len(list(answer.rows)) > 1
    return time.perf_counter() - began
