"""The wall clock jumps; the clocks that time is measured by do not."""

import time

from lab import wall_clock


def test_the_wall_clock_jumps_alone_and_back() -> None:
    before, steady = time.time(), time.monotonic()
    try:
        wall_clock.jump(wall_clock.DAY_S)
        assert abs(time.time() - before - 86_400) < 60
        assert abs(time.time_ns() / 1e9 - before - 86_400) < 60
        assert time.monotonic() - steady < 60
    finally:
        wall_clock.jump(-wall_clock.DAY_S)
    assert abs(time.time() - before) < 60
