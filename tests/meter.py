"""Counts by how much it overslept: a process that sleeps 1 ms again and again, so that it knows when the machine stood.

A process of its own, since a thread would also stand still while the tests themselves hold the interpreter. A `b` on
standard input begins a measurement, and 0 is answered; an `e` ends it, and the seconds are answered, in a line each.
Closing ends the process.
"""

import os
import select
import subprocess
import sys
import time
from pathlib import Path

SLEEP_S = 0.001
LEAST_S = 0.002
"""Less than that is how exactly a system wakes a process, not a stall."""


class Meter:
    """The process, and what the system itself counts besides."""

    def __init__(self) -> None:
        """Start the process; it waits."""
        command = [sys.executable, "-I", "-S", __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.pid = self._process.pid
        self._before_s = (0.0, 0.0)

    def begin(self) -> None:
        """Measure from now on."""
        self._answer(b"b")
        self._before_s = (stolen_s(), waited_s())

    def end(self) -> float:
        """How long the machine stood still since `begin`, in s: the most that any of the three tells.

        It overslept; the hypervisor gave the processors to others; somebody was ready to run and had to wait. The last
        counts what the tests' own processes take from each other too, so it proves nothing where many run at a time.
        """
        stolen, waited = stolen_s() - self._before_s[0], waited_s() - self._before_s[1]
        return max(self._answer(b"e"), stolen, waited)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self, word: bytes) -> float:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(word)
        return float(self._process.stdout.readline())


def stolen_s(stat: Path = Path("/proc/stat")) -> float:
    """CPU time that the hypervisor gave to others since the start, over all processors; see proc_stat(5)."""
    try:
        line = stat.read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return 0.0
    return int(line.split()[8]) / os.sysconf("SC_CLK_TCK")


def waited_s(pressure: Path = Path("/proc/pressure/cpu")) -> float:
    """Time in which somebody on this machine waited for a processor; see Linux, Documentation/accounting/psi.rst."""
    try:
        line = pressure.read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return 0.0
    return int(line.rpartition("total=")[2]) / 1e6


def kept_waiting_s(schedstat: Path = Path("/proc/thread-self/schedstat")) -> float:
    """How long the calling thread was ready to run and had to wait for a processor, in all its life.

    Source: Linux, Documentation/scheduler/sched-stats.rst, the second number of a task.
    """
    try:
        return int(schedstat.read_text(encoding="ascii").split()[1]) / 1e9
    except OSError:
        return 0.0


def measure() -> None:
    """The process itself."""
    while os.read(0, 1) == b"b":
        # The clock is read first: from the answer on, nothing is missed.
        overslept_s, before_s, is_over = 0.0, time.monotonic(), False
        os.write(1, b"0\n")
        while not is_over:
            is_over = bool(select.select([0], [], [], SLEEP_S)[0])
            now_s = time.monotonic()
            late_s = now_s - before_s - SLEEP_S
            overslept_s += late_s if late_s > LEAST_S else 0.0
            before_s = now_s
        if os.read(0, 1) != b"e":
            return
        os.write(1, b"%.6f\n" % overslept_s)


if __name__ == "__main__":
    measure()
