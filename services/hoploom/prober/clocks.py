"""From the wall clock, by which the kernel stamps messages, to the monotonic one, by which RTTs are told."""

from __future__ import annotations

import time

STAMP_GAP_NS = 20_000
"""Two clocks read further apart than this were interrupted between, and are read again."""


def wall_less_monotonic_ns() -> int:
    """What to take from a wall-clock stamp of a moment ago to get the monotonic clock's."""
    offset_ns = 0
    for _ in range(3):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        offset_ns = wall_ns - (before_ns + after_ns) // 2
        if after_ns - before_ns < STAMP_GAP_NS:
            break
    return offset_ns
