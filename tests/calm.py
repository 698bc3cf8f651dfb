"""No test fails because the machine stood still: a claim about time that failed meanwhile is made again.

    @pytest.mark.timed(0.05)
    def test_an_answer_is_told_by_its_age(): ...

The number is how far off in s the claim may be: who stood still for less has no excuse. On a calm machine a failure is
final at once; where the machine stood still for longer, the test is run again with fixtures of its own, three times
more at the most. A test that keeps both processors busy by itself counts as one that stood still (see `meter`). No
test without the mark is ever run again. How often it happened is said at the end.

What a fixture of a larger scope has measured is not made again with the test. Such a fixture says by `STOOD` how long
the machine stood still then, and looks at `TURN`, so that what failed is made alone from the second time on.
"""

from dataclasses import dataclass, field

import pytest
from _pytest.runner import runtestprotocol

from meter import Meter

AGAIN = 3


@dataclass
class Calm:
    """What the run knows of the machine's stalls."""

    meter: Meter | None = None
    again: list[str] = field(default_factory=list)


CALM = pytest.StashKey[Calm]()
STOOD = pytest.StashKey[float]()
"""Of a test: how long the machine stood still when its fixtures of a larger scope were made, in s."""

TURN = pytest.StashKey[int]()
"""Of a test: how often it has been run before."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "timed(tolerance_s): run again if it fails while the machine stood still longer")
    config.stash[CALM] = Calm()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the meter."""
    meter = config.stash[CALM].meter
    if meter:
        meter.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a marked test until it passes, fails on a calm machine, or has failed too often."""
    mark = item.get_closest_marker("timed")
    if mark is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _last_reports(item, nextitem, mark.args[0]):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _last_reports(item: pytest.Item, nextitem: pytest.Item | None, tolerance_s: float) -> list[pytest.TestReport]:
    calm = item.config.stash[CALM]
    calm.meter = calm.meter or Meter()
    for item.stash[TURN] in range(AGAIN):
        item.stash[STOOD] = 0.0
        calm.meter.begin()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        stood_s = max(calm.meter.end(), item.stash[STOOD])
        if stood_s <= tolerance_s or not any(report.failed for report in reports):
            return reports
        calm.again.append(f"{item.nodeid}: {stood_s:.3f} s, its claim bears {tolerance_s:g} s")
    item.stash[TURN] = AGAIN
    return runtestprotocol(item, log=False, nextitem=nextitem)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was run again."""
    again = config.stash[CALM].again
    terminalreporter.write_line(f"run again because the machine stood still: {len(again)}")
    for line in again:
        terminalreporter.write_line(f"  {line}")
