"""Puts the small files of a day together: many small files are slow to read.

Files of about one size become one when there are sixteen of them, so each row is written anew once for each sixteenfold
of its file's size, and never again beyond 64 MB. Which files that are follows from their sizes alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hoploom.results import parquet_files, parquet_places, parquet_rows
from hoploom.results.parquet_engine import Engine, literal, pattern
from hoploom.results.parquet_places import Span

FILES: Final = 16
"""Files of a size that become one."""
LARGE_BYTES: Final = 64 * 2**20
"""A file of this size is never rewritten: readers gain nothing more."""
_SMALL_BYTES: Final = 64 * 2**10
"""Smaller files than this count as of one size."""
_BITS: Final = FILES.bit_length() - 1


def compact(engine: Engine, folder: Path, scratch: Path) -> int:
    """Put together what is due in a partition's folder.

    Args:
        engine: What reads and writes.
        folder: The partition's; its rows are all behind the cursor.
        scratch: Where files are made, on the same file system.

    Returns:
        How many files fewer it has now; 0 where the file system cannot exchange folders.

    Raises:
        Unavailable: The disk refuses.
    """
    saved = 0
    while due := _due(folder):
        if not _join(engine, folder, due, scratch):
            return saved
        saved += len(due) - 1
    return saved


def _due(folder: Path) -> list[Span]:
    """The smallest files that are due, in the order of their rows; empty when there are none."""
    by_size: dict[int, list[Span]] = defaultdict(list)
    for path in folder.iterdir():
        span, size_bytes = parquet_places.span(path.name), path.stat().st_size
        if span and size_bytes < LARGE_BYTES:
            by_size[(size_bytes // _SMALL_BYTES).bit_length() // _BITS].append(span)
    due = (sorted(spans) for _, spans in sorted(by_size.items()) if len(spans) >= FILES)
    return next(due, [])


def _join(engine: Engine, folder: Path, spans: Sequence[Span], scratch: Path) -> bool:
    """Make a folder that has one file in place of several, and exchange the two."""
    whole = parquet_places.joined(spans)
    made = scratch / folder.name
    made.mkdir()
    parts = [folder / span.name for span in spans]
    files = ", ".join(literal(pattern(part)) for part in parts)
    # Files follow each other in the order of the list, so that nothing is sorted and little is in memory.
    parquet_rows.copy(engine, f"SELECT * FROM read_parquet([{files}], hive_partitioning = false)", made / whole.name)
    for path in folder.iterdir():
        if path not in parts:
            (made / path.name).hardlink_to(path)
    exchanged = parquet_files.exchange(made, folder)
    for path in made.iterdir():
        path.unlink()
    made.rmdir()
    return exchanged
