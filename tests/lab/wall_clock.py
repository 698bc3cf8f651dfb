"""Lets one process's wall clock jump, without touching the clocks that time is measured by.

`faketime` fakes CLOCK_MONOTONIC too and is not everywhere; this turns what Python's own modules ask for.
"""

import time

_real_time, _real_time_ns = time.time, time.time_ns
DAY_S = 86_400


def jump(seconds: int) -> None:
    """From now on `time.time` and `time.time_ns` are so many seconds from the real ones; 0 ends it."""
    time.time = lambda: _real_time() + seconds
    time.time_ns = lambda: _real_time_ns() + seconds * 1_000_000_000
