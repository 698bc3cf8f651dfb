"""One line on a terminal's stderr that says how far a run is; other output is written around it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

_FIRST_S = 1.0
"""A run that is over sooner needs no such line."""
_EVERY_S = 0.2
_CLEAR = "\r\x1b[K"


class Progress:
    """The line; nothing at all where nobody watches."""

    def __init__(self, text: Callable[[], str], *, is_shown: bool, stream: TextIO | None = None) -> None:
        """Prepare it.

        Args:
            text: What to show, asked for when it is shown.
            is_shown: Whether a person watches.
            stream: Where; stderr unless given.
        """
        self._text = text
        self._is_shown = is_shown
        self._stream = stream or sys.stderr
        self._next_s = time.monotonic() + _FIRST_S
        self._stands = False

    def show(self) -> None:
        """Show the present text, unless that was done a moment ago."""
        now_s = time.monotonic()
        if self._is_shown and now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            self._stands = True
            self._stream.write(_CLEAR + self._text()[: _room(self._stream)])
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away: something else is written, or all is done."""
        if self._stands:
            self._stands = False
            self._stream.write(_CLEAR)
            self._stream.flush()


def is_watched() -> bool:
    """Whether a person sees stderr."""
    return bool(sys.stderr and sys.stderr.isatty())


def _room(stream: TextIO) -> int | None:
    """Characters that fit on a line: what is wrapped would stand for ever. None where nothing is known."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:  # no terminal
        return None
    return columns - 1 if columns else None
