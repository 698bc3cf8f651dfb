"""The clocks: which one runs, and in which unit."""

import time

from hoploom.kit import clock


def test_boottime_does_not_run_backwards() -> None:
    first = clock.boottime_s()
    assert clock.boottime_s() >= first


def test_wall_time_is_in_microseconds_since_1970() -> None:
    before = time.time_ns() // 1000
    assert before <= clock.wall_us() <= time.time_ns() // 1000
