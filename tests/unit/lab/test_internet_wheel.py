"""The wheel: nothing leaves early, nothing is forgotten."""

import numpy as np

from lab.internet.wheel import Wheel


def test_packets_leave_in_the_first_slot_behind_their_time() -> None:
    wheel = Wheel(100)
    wheel.add(np.array([250, 100, 101, 200]), [b"c", b"a", b"b", b"b2"])
    assert wheel.due(99) == []
    assert wheel.due(100) == [b"a"]
    assert wheel.due(200) == [b"b", b"b2"]
    assert wheel.due(299) == [] and wheel.due(5000) == [b"c"] and wheel.due(9999) == []


def test_it_says_how_long_nothing_is_due() -> None:
    wheel = Wheel(1_000_000)
    assert wheel.wait_s(0) is None
    wheel.add(np.array([3_500_000]), [b"x"])
    assert wheel.wait_s(1_000_000) == 0.003 and wheel.wait_s(9_000_000) == 0.0


def test_random_times_leave_in_order_and_within_a_slot() -> None:
    random, wheel = np.random.default_rng(3), Wheel(50)
    due = random.integers(0, 10_000, 500)
    wheel.add(due, [str(each).encode() for each in due.tolist()])
    for now in range(0, 10_051, 25):
        assert all(now - 75 < int(packet) <= now for packet in wheel.due(now))
    assert wheel.wait_s(0) is None
