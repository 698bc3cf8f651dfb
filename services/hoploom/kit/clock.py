"""Time as a collaborator: what is timed takes one of these, so that a test can turn it.

Leases, sessions and drains are timed by `boottime_s`, which neither jumps with the wall clock nor stops in suspend.
"""

import time

_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def boottime_s() -> float:
    """Seconds since this machine's boot, suspend included where the system has such a clock."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


def wall_us() -> int:
    """Microseconds since 1970 in UTC; for people and for stored times, never for a time-out."""
    return time.time_ns() // 1000
