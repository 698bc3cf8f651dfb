"""Clocks of a process that run faster for a while: libfaketime, whose word is a file that it reads again and again.

All clocks go together (wall, monotonic, since boot), and sleeps are as much shorter. When the word changes they jump
ahead, never back, by what the faster ones gain in a second and a half: so old may the word be that was read last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_READ_EVERY_S = 1.0
_START_S = 0.5
"""A process begins so much later than it is asked for, at most."""


def library() -> Path:
    """The library of Debian's package libfaketime.

    Raises:
        FileNotFoundError: It is not installed; says how it comes.
    """
    for path in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"):
        return path
    raise FileNotFoundError("no libfaketime here: `sudo apt-get install libfaketime` brings it")


class Warp:
    """The clocks of a process that is started with `environ` in a moment."""

    def __init__(self, word: Path, preload: Path) -> None:
        """Let them go as all clocks do.

        Args:
            word: A file for the word.
            preload: The library.
        """
        self._word, self._preload = word, preload
        self._began_s = 0.0
        self._ahead_s = 0.0
        word.write_text("+0")

    def environ(self) -> Mapping[str, str]:
        """What makes the clocks of a process obey that begins now."""
        self._began_s = time.monotonic()
        return {
            "LD_PRELOAD": str(self._preload),
            "FAKETIME_TIMESTAMP_FILE": str(self._word),
            "FAKETIME_CACHE_DURATION": str(int(_READ_EVERY_S)),
        }

    @contextmanager
    def faster(self, factor: int) -> Iterator[None]:
        """Let the clocks run so much faster meanwhile."""
        gain, began_s = factor - 1, self._age_s() - _START_S
        # What has gone by since the start counts at the new speed too, so it is taken off again.
        self._word.write_text(f"{self._ahead_s - gain * began_s:+f} x{factor}")
        try:
            yield
        finally:
            self._ahead_s += gain * (self._age_s() + _READ_EVERY_S - began_s)
            # A speed that is not named stays as it was.
            self._word.write_text(f"{self._ahead_s:+f} x1")

    def _age_s(self) -> float:
        return time.monotonic() - self._began_s
