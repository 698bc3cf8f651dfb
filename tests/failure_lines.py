"""Says in one line why a test failed, as soon as it has: of a long run's output often only a part is kept.

The runner repeats these lines at the very end (`runner.parts.failures`).
"""

import pytest

MOST = 300
"""Characters of a reason."""
_HEAD = 120
"""Of a longer one, so many from its beginning; the rest from its end, where commands and engines say why."""
_DETAIL = ("+ ", "where ")


def pytest_configure(config: pytest.Config) -> None:
    """Write the lines in this run."""
    config.pluginmanager.register(FailureLines(config), "failure-lines")


class FailureLines:
    """Writes `FAILED id: reason` for each test, fixture and module that fails."""

    def __init__(self, config: pytest.Config) -> None:
        """Write where pytest writes."""
        self._config = config

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One more part of a test is done."""
        if report.failed:
            when = "" if report.when == "call" else f" ({report.when})"
            self._write(f"FAILED {report.nodeid}{when}: {reason(report.longreprtext)}")

    @pytest.hookimpl(trylast=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """One more module is read."""
        if report.failed:
            self._write(f"FAILED {report.nodeid} (collection): {reason(report.longreprtext)}")

    def _write(self, line: str) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal:
            # Behind the dots of those before.
            terminal.write(f"\n{line}\n")


def reason(text: str) -> str:
    """The error of a failure as one line of at most `MOST` characters.

    Args:
        text: What pytest says of it; lines of the error begin with an E.
    """
    marked = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    words = [line for line in marked or text.split("\n") if line.strip() and not line.startswith(_DETAIL)]
    line = " | ".join(each.strip() for each in words) or "no reason given"
    return line if len(line) <= MOST else f"{line[:_HEAD]} ... {line[_HEAD + 5 - MOST :]}"
