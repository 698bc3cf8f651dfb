"""The meter sees that it was stopped, that others had the processors, and that nothing was the matter."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meter import Meter, kept_waiting_s, stolen_s, waited_s
from waiting import pause, until

HOG = "while True: pass"
has_pressure = pytest.mark.skipif(not Path("/proc/pressure/cpu").exists(), reason="needs Linux's pressure figures")


@pytest.fixture(name="meter")
def _meter() -> Iterator[Meter]:
    meter = Meter()
    yield meter
    meter.close()


def test_it_sees_that_it_was_stopped_and_forgets_it_for_the_next_time(meter: Meter) -> None:
    meter.begin()
    os.kill(meter.pid, signal.SIGSTOP)
    pause(0.1)
    os.kill(meter.pid, signal.SIGCONT)
    assert meter.end() >= 0.097
    # Others may have the machine just now; not each time.
    until("a calm moment", lambda: _moment(meter) < 0.05, 60)


def _moment(meter: Meter) -> float:
    meter.begin()
    pause(0.01)
    return meter.end()


@has_pressure
def test_it_sees_that_others_had_the_processors(meter: Meter) -> None:
    meter.begin()
    hogs = [subprocess.Popen([sys.executable, "-I", "-S", "-c", HOG]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        pause(0.4)
    finally:
        for each in hogs:
            each.kill()
            each.wait()
    assert meter.end() >= 0.1


@pytest.mark.parametrize(
    ("read", "text", "expected_s"),
    [
        (waited_s, "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 total=1\n", 2.5),
        (kept_waiting_s, "81000000 1500000000 42\n", 1.5),
        (stolen_s, "cpu  1 2 3 4 5 6 7 250 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n", 250 / os.sysconf("SC_CLK_TCK")),
    ],
)
def test_the_systems_own_figures_are_read(tmp_path: Path, read: object, text: str, expected_s: float) -> None:
    assert callable(read)
    (tmp_path / "figures").write_text(text, encoding="ascii")
    assert read(tmp_path / "figures") == expected_s
    assert read(tmp_path / "absent") == 0.0
