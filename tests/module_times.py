"""Says at the end which modules took longest, so that what runs at the same time can be cut evenly (`runner.wider`).

Where something failed it says nothing: there the reasons are what is looked for.
"""

from collections import Counter

import pytest

SHOWN = 25
LEAST_S = 10.0


class ModuleTimes:
    """Adds up, by module and by test, what tests and their fixtures took."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._modules, self._tests = Counter[str](), Counter[str]()
        self._has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One more part of a test is done."""
        self._has_failed |= report.failed
        self._modules[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]
        self._tests[report.nodeid] += report.duration  # type: ignore[assignment]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The longest, in order."""
        for took_s in (self._modules, self._tests) if not self._has_failed else ():
            for name, seconds in took_s.most_common(SHOWN):
                if seconds >= LEAST_S:
                    terminalreporter.write_line(f"{seconds:7.1f} s  {name}")
