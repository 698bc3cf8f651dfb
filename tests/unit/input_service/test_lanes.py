"""Lanes to a network: what goes to one /24 never exceeds the cap, and every group has its turn."""

from typing import Any

import pytest

from hoploom.input_service.allotment import Claim
from hoploom.input_service.budget import LATELY_S, LINGER_S, Budget
from hoploom.input_service.lanes import TURN_S
from unit.input_service.test_budget import claim, took, warm


def lanes(budget: Budget, claims: list[Claim], now_s: float = 0.0) -> list[int | None]:
    found = [budget.take(each, now_s) for each in claims]
    return [each.lane_pps if each else None for each in found]


def capped(number: int, **said: Any) -> Claim:
    return claim(number, **{"campaign_pps": 0, "network_pps": 4} | said)


@pytest.mark.parametrize(
    ("claims", "given"),
    [
        ([claim(1)], [0]),
        ([capped(1)], [1]),
        ([capped(at) for at in range(50)], [1] * 50),
        ([capped(at, group=f"g{at}") for at in range(6)], [1] * 4 + [None] * 2),
        ([capped(at, campaign=f"c{at}") for at in range(6)], [1] * 4 + [None] * 2),
        ([capped(at, round=at) for at in range(6)], [1] * 4 + [None] * 2),
        ([capped(at, per_network=256, crowd=6) for at in range(6)], [1] * 4 + [None] * 2),
        ([capped(at, per_network=2, crowd=9) for at in range(9)], [2] * 9),
        ([capped(at, per_network=0, crowd=2) for at in range(3)], [2, 2, None]),
        ([capped(1, per_network=256), capped(2, group="g")], [4, None]),
        ([capped(1, per_network=3, network_pps=2), capped(2, group="g")], [2, None]),
        ([capped(1, network_pps=0), capped(2)], [0, None]),
        ([capped(1), capped(2, network_pps=0), capped(3, network_pps=0, group="g")], [1, 1, 1]),
    ],
    ids=[
        "nobody sets a cap",
        "one sample is one lane",
        "a group with one sample a network shares a lane",
        "groups do not share lanes",
        "campaigns do not share lanes",
        "rounds do not share lanes",
        "leases that share a network each need a lane",
        "more leases than samples need no more lanes",
        "nobody knows how many targets a network has",
        "one worker alone has the whole cap",
        "the smallest cap of all holds",
        "a lease that knows no cap has to end first",
        "one cap holds for all",
    ],
)
def test_lanes_are_shared(claims: list[Claim], given: list[int | None]) -> None:
    assert lanes(warm(), claims) == given


def test_a_lane_comes_free_a_second_after_its_lease() -> None:
    budget = warm()
    assert lanes(budget, [capped(at, group=f"g{at}") for at in range(5)]) == [1, 1, 1, 1, None]
    budget.give_back(capped(0).nonce, 10.0)
    later = [lanes(budget, [capped(4, group="g4")], at) for at in (10.9, 10.0 + LINGER_S)]
    assert later == [[None], [1]]


def test_a_smaller_cap_waits_until_the_wide_lanes_are_gone() -> None:
    budget = warm()
    took(budget, capped(1, per_network=256))
    small = capped(2, group="g", network_pps=2)
    assert lanes(budget, [small, capped(3, per_network=256)]) == [None, None]
    budget.give_back(capped(1).nonce, 1.0)
    assert lanes(budget, [small, capped(4, per_network=256)], 3.0) == [1, 1]


def test_whoever_waits_longest_is_next() -> None:
    budget = warm()
    groups = [capped(at, group=f"g{at}", network_pps=1) for at in range(4)]
    assert lanes(budget, groups) == [1, None, None, None]
    for at in range(1, 4):
        now_s = 5.0 * at
        budget.give_back(groups[at - 1].nonce, now_s - LINGER_S)
        again = capped(10 + at, group=f"g{at - 1}", network_pps=1)
        assert lanes(budget, [again, *reversed(groups[at:])], now_s).count(1) == 1
        assert budget.take(groups[at], now_s) is not None


def test_a_group_of_many_workers_lets_its_lane_go_for_one_that_waits() -> None:
    budget = warm()
    assert lanes(budget, [capped(1, network_pps=1), capped(2, group="b", network_pps=1)]) == [1, None]
    assert lanes(budget, [capped(3, network_pps=1)], TURN_S - 1) == [1]
    waits = capped(2, group="b", network_pps=1)
    assert lanes(budget, [waits, capped(4, network_pps=1)], TURN_S) == [None, None]
    for number in (1, 3):
        budget.give_back(capped(number).nonce, TURN_S)
    assert lanes(budget, [capped(4, network_pps=1), waits], TURN_S + LINGER_S) == [None, 1]


def test_who_waited_and_went_away_holds_nobody_up() -> None:
    budget = warm()
    assert lanes(budget, [capped(1, network_pps=1), capped(2, group="b", network_pps=1)]) == [1, None]
    budget.give_back(capped(1).nonce, 1.0)
    assert lanes(budget, [capped(3, group="c", network_pps=1)], 3.0) == [None]
    assert lanes(budget, [capped(3, group="c", network_pps=1)], LATELY_S + 1) == [1]
