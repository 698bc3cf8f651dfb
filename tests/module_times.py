"""Says at the end which modules took longest, so that what runs at the same time can be cut evenly (`runner.wider`)."""

from collections import Counter

import pytest

SHOWN = 25
LEAST_S = 10.0


class ModuleTimes:
    """Adds up, by module, what its tests and fixtures took."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._took_s = Counter[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One more part of a test is done."""
        self._took_s[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """The longest, in order."""
        for module, seconds in self._took_s.most_common(SHOWN):
            if seconds >= LEAST_S:
                terminalreporter.write_line(f"{seconds:7.1f} s  {module}")
