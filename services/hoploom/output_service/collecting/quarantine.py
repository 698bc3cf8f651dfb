"""Files that a data set refused, one of each store, with the reason: its store waits, and all others go on.

The store is tried again when somebody removes the reason, or an hour later: its output may have been mended by then.
"""

import contextlib
import logging
import time
from pathlib import Path

from hoploom.kit import metrics

log = logging.getLogger(__name__)
AGAIN_S = 3600.0
_MOST_WORDS = 500
_REFUSED = metrics.counter("hoploom_collector_quarantined_total", "Files that the data set refused.")


class Quarantine:
    """The folder of one collector."""

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, store: str, reason: str, path: Path | None = None) -> None:
        """Keep a store's file, over the one before, and why it is here; without a file, the reason alone."""
        _REFUSED.inc()
        try:
            if path is not None:
                path.replace(self._folder / f"{store}.db")
            self._reason(store).write_text(reason[:_MOST_WORDS] + "\n", encoding="utf-8")
        except OSError as error:
            # It is found out again at the next look.
            log.warning("why store %s waits cannot be written down: %s", store, error.strerror)

    def why(self, store: str) -> str:
        """Why a store waits; empty where it does not, or no longer."""
        try:
            age_s = time.time() - self._reason(store).stat().st_mtime
            return self._reason(store).read_text(encoding="utf-8").strip() if age_s < AGAIN_S else ""
        except OSError:
            return ""

    def clear(self, store: str) -> None:
        """A store is good again."""
        with contextlib.suppress(OSError):
            self._reason(store).unlink(missing_ok=True)
            (self._folder / f"{store}.db").unlink(missing_ok=True)

    def _reason(self, store: str) -> Path:
        return self._folder / f"{store}.txt"
