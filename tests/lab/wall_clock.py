"""Lets one process's wall clock jump, without touching the clocks that time is measured by.

`faketime` fakes CLOCK_MONOTONIC too and is not everywhere; this turns what Python's own modules ask for.
"""

import time

_real_time, _real_time_ns = time.time, time.time_ns
DAY_S = 86_400
_ahead_s = 0


def jump(seconds: int) -> None:
    """Set `time.time` and `time.time_ns` so many seconds ahead of what they are; back, below zero."""
    global _ahead_s  # noqa: PLW0603
    _ahead_s += seconds
    time.time = lambda: _real_time() + _ahead_s
    time.time_ns = lambda: _real_time_ns() + _ahead_s * 1_000_000_000
