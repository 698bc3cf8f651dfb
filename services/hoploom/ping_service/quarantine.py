"""Segments that nobody will take as they are, each with the reason beside it; bounded, the oldest are dropped first.

Who has found the cause moves a segment back into the spool: it is sent at the worker's next start.
"""

import logging
from pathlib import Path

from hoploom.kit import metrics
from hoploom.ping_service import segment

log = logging.getLogger(__name__)
FOLDER = "quarantine"
REASON = ".reason"
_BLOCK_BYTES = 4096
"""What the smallest file takes on a disk, and its reason again."""

_SEGMENTS = metrics.gauge("hoploom_ping_quarantine_segments", "Segments in quarantine.")
_BYTES = metrics.gauge("hoploom_ping_quarantine_bytes", "Bytes of segments in quarantine.")
_DROPPED = metrics.counter("hoploom_ping_quarantine_dropped_total", "Segments dropped from a full quarantine.")


class Quarantine:
    """The folder of what was set aside. Blocks; OSError is left to the caller."""

    def __init__(self, spool: Path, max_bytes: int) -> None:
        """Know where it is.

        Args:
            spool: The spool's folder.
            max_bytes: Most that it may hold.
        """
        self.folder = spool / FOLDER
        self._max_bytes = max_bytes
        self._sizes: dict[str, int] = {}

    def __len__(self) -> int:
        """How many segments it holds."""
        return len(self._sizes)

    def open(self) -> None:
        """Make the folder, and see what is in it from earlier."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        found = sorted(each for each in self.folder.iterdir() if segment.parse(each.name))
        self._sizes = {each.name: _on_disk(each) for each in found}
        self._bound()

    @property
    def last_place(self) -> int:
        """The highest place that a segment here had in the spool; -1 where there is none."""
        return max((found.place for name in self._sizes if (found := segment.parse(name))), default=-1)

    def take(self, path: Path, reason: str) -> None:
        """Move a segment here, with the reason in a file beside it."""
        size_bytes = _on_disk(path)
        kept = path.replace(self.folder / path.name)
        self._sizes[path.name] = size_bytes
        self._bound()
        if path.name in self._sizes:
            # After the move: on a full disk the segment is out of the way, and only the note is missing.
            kept.with_name(path.name + REASON).write_text(reason + "\n", encoding="utf-8")

    def _bound(self) -> None:
        while sum(self._sizes.values()) > self._max_bytes:
            oldest = min(self._sizes)
            for name in (oldest, oldest + REASON):
                (self.folder / name).unlink(missing_ok=True)
            del self._sizes[oldest]
            _DROPPED.inc()
            log.error("quarantine is full: %s is dropped, the oldest", oldest)
        _SEGMENTS.set(len(self._sizes))
        _BYTES.set(sum(self._sizes.values()))


def _on_disk(path: Path) -> int:
    return path.stat().st_size + 2 * _BLOCK_BYTES
