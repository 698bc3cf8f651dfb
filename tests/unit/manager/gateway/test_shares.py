"""How much of a manager one worker may take."""

from contextlib import ExitStack
from functools import partial

import pytest

from hoploom.kit.errors import TooMany
from hoploom.manager.gateway.shares import AT_ONCE, BURST_S, POLLS, Shares

PI, OTHER = "pi-vaasa", "pi-oulu"


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    shares, passed = Shares(10.0), 0
    for step in range(1000):
        try:
            shares.spend(PI, step / 100)
            passed += 1
        except TooMany:
            pass
    assert passed == 10 * BURST_S + 10 * 9.99 // 1


def test_who_asks_too_often_hears_when_to_ask_again() -> None:
    shares = Shares(2.0)
    for _ in range(int(2 * BURST_S)):
        shares.spend(PI, 5.0)
    with pytest.raises(TooMany, match="pi-vaasa sends more than 2 requests a second") as refused:
        shares.spend(PI, 5.0)
    assert refused.value.retry_after_s == 0.5
    shares.spend(PI, 5.5)


def test_one_that_asks_too_often_keeps_no_other_out() -> None:
    shares = Shares(1.0)
    with pytest.raises(TooMany):
        for _ in range(10):
            shares.spend(PI, 0.0)
    shares.spend(OTHER, 0.0)


def test_without_a_rate_nobody_is_refused() -> None:
    shares = Shares(0.0)
    for _ in range(1000):
        shares.spend(PI, 0.0)


def test_so_many_are_under_way_and_no_more_until_one_ends() -> None:
    shares = Shares(50.0)
    with ExitStack() as held:
        last = [held.enter_context(shares.place(PI, 0.0)) for _ in range(AT_ONCE)]
        assert len(last) == AT_ONCE
        with pytest.raises(TooMany, match="under way"), shares.place(PI, 0.0):
            pass
        with shares.place(OTHER, 0.0):
            pass
    with shares.place(PI, 0.0):
        pass


def test_a_request_that_fails_gives_its_place_back() -> None:
    shares = Shares(50.0)
    for _ in range(AT_ONCE + 1):
        with pytest.raises(KeyError), shares.place(PI, 0.0):
            raise KeyError


def test_the_oldest_long_poll_makes_room_for_the_newest() -> None:
    shares, ended = Shares(50.0), list[int]()
    with ExitStack() as held:
        for number in range(POLLS + 2):
            held.enter_context(shares.poll(PI, 0.0, partial(ended.append, number)))
        with shares.poll(OTHER, 0.0, partial(ended.append, 99)):
            assert ended == [0, 1]
    assert ended == [0, 1], "each is told once, and none that has ended"


def test_who_rests_is_forgotten_and_who_waits_is_not() -> None:
    shares = Shares(10.0)
    shares.spend(PI, 0.0)
    with shares.poll("waiting", 0.0, lambda: None):
        shares.spend(OTHER, BURST_S)
        assert len(shares) == 2
