"""What a person sees while an engine is made: a moving line on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from hoploom.engines.engine import Report

Tick = Callable[[str], None]
"""Takes what has been reached so far, as often as it likes; may be empty."""

# Off a terminal (CI, a pipe): often enough to see that it lives, seldom enough for a log.
_LINE_EVERY_S = 15.0


class Progress:
    """Shows long steps of the work.

    Args:
        report: Gets the lines.
        console: Where a moving line is shown when it is a terminal; standard error by default.
        line_every_s: Seconds between two lines off a terminal.
    """

    def __init__(self, report: Report, console: Console | None = None, line_every_s: float = _LINE_EVERY_S) -> None:
        """Choose how to show it."""
        self.report = report
        self._console = console or Console(stderr=True)
        self._line_every_s = line_every_s

    @contextmanager
    def step(self, what: str) -> Iterator[Tick]:
        """Show one step while the block runs.

        Args:
            what: What is done, such as `building consul 1.22.7, usually 220 s`.

        Yields:
            A function to call with what has been reached.
        """
        started = time.monotonic()

        def line(reached: str) -> str:
            return f"{what}: {time.monotonic() - started:.0f} s" + (f", {reached}" if reached else "")

        if self._console.is_terminal:
            with self._console.status(line("")) as status:
                yield lambda reached: status.update(line(reached))
        else:
            self.report(what)
            yield _Spaced(self.report, line, self._line_every_s)


class _Spaced:
    """A tick that reports at most one line in so many seconds."""

    def __init__(self, report: Report, line: Callable[[str], str], every_s: float) -> None:
        self._report, self._line, self._every_s = report, line, every_s
        self._last = time.monotonic()

    def __call__(self, reached: str) -> None:
        if time.monotonic() - self._last >= self._every_s:
            self._last = time.monotonic()
            self._report(self._line(reached))
