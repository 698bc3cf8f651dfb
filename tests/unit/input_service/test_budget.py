"""The budget of the mesh: what may be sent in one second never exceeds it, and nobody is left out."""

import math
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hoploom.input_service.allotment import Allotment, Claim
from hoploom.input_service.budget import COMING_S, LATELY_S, LINGER_S, Budget, fair_level
from hoploom.input_service.leases import GRACE_S, TTL_S

LASTS_S = TTL_S + GRACE_S + LINGER_S


def claim(number: int, **said: Any) -> Claim:
    """Of a worker of its own, for everything there is, in a mesh of one worker."""
    usual: dict[str, Any] = {
        "nonce": f"{number:016x}",
        "worker": f"w{number}",
        "campaign": "demo",
        "edition": 1,
        "group": "all",
        "round": 0,
        "campaign_pps": 100,
        "wanted_pps": 0,
        "network_pps": 0,
        "per_network": 1,
        "crowd": 1,
    }
    return Claim(**usual | said)


def warm(**said: Any) -> Budget:
    budget = Budget(0.0, **said)
    budget.all_announced()
    return budget


def rates(budget: Budget, claims: list[Claim], now_s: float = 0.0) -> list[int]:
    found = [budget.take(each, now_s) for each in claims]
    return [each.rate_pps if each else 0 for each in found]


def took(budget: Budget, asked: Claim, now_s: float = 0.0) -> Allotment:
    found = budget.take(asked, now_s)
    assert found is not None
    return found


# The rate.


@pytest.mark.parametrize(
    ("budget", "wants", "level"),
    [
        (100, [], (100, 0)),
        (100, [math.inf], (100, 0)),
        (100, [math.inf] * 3, (33, 1)),
        (10, [math.inf] * 500, (0, 10)),
        (999, [math.inf] * 500, (1, 499)),
        (1000, [10, math.inf, math.inf], (495, 0)),
        (1000, [10, 400, 400], (1000, 0)),
        (100, [100, 30, 100], (35, 0)),
    ],
)
def test_nobody_can_have_more_without_one_who_has_no_more_having_less(
    budget: int, wants: list[float], level: tuple[int, int]
) -> None:
    assert fair_level(budget, wants) == level


@pytest.mark.parametrize(
    ("claims", "given"),
    [
        ([claim(1)], [100]),
        ([claim(1, wanted_pps=30)], [30]),
        ([claim(1, wanted_pps=300)], [100]),
        ([claim(1, crowd=2), claim(2, crowd=2)], [50, 50]),
        ([claim(at, crowd=4) for at in range(4)], [25] * 4),
        ([claim(at, crowd=3) for at in range(4)], [34, 33, 33, 0]),
        ([claim(at, crowd=300) for at in range(300)], [1] * 100 + [0] * 200),
        ([claim(1), claim(2)], [100, 0]),
        ([claim(1), claim(2, campaign="other")], [100, 100]),
        ([claim(1, crowd=3), claim(2, worker="w1", crowd=3)], [34, 0]),
        ([claim(at, campaign_pps=0, wanted_pps=7 * at) for at in range(3)], [0, 7, 14]),
    ],
)
def test_the_rate_is_shared(claims: list[Claim], given: list[int]) -> None:
    assert rates(warm(), claims) == given


def test_500_workers_that_come_in_one_second_have_all_of_it_in_equal_parts() -> None:
    wants = [100 if at % 2 else 0 for at in range(500)]
    claims = [claim(at, wanted_pps=want, campaign_pps=10_010, crowd=500) for at, want in enumerate(wants)]
    assert sorted(rates(warm(), claims)) == [20] * 490 + [21] * 10


def test_whoever_came_too_early_gives_way_when_its_lease_ends() -> None:
    budget = warm()
    assert rates(budget, [claim(1), claim(2)]) == [100, 0]
    budget.give_back(claim(1).nonce, 20.0)
    assert rates(budget, [claim(3, worker="w2"), claim(4, worker="w1")], 21.0) == [50, 50]


def test_a_worker_that_has_not_come_back_is_not_waited_for() -> None:
    budget = warm()
    assert rates(budget, [claim(at, crowd=9) for at in range(2)]) == [12, 11]
    for number in range(2):
        budget.give_back(claim(number).nonce, 10.0)
    assert rates(budget, [claim(3, worker="w1", crowd=9)], COMING_S - 1) == [12]
    budget.give_back(claim(3).nonce, COMING_S)
    assert rates(budget, [claim(4, worker="w1", crowd=9)], LATELY_S + LINGER_S) == [100]


@pytest.mark.parametrize(
    ("claims", "given"),
    [
        ([claim(at, places=2) for at in range(4)], [50, 50, 0, 0]),
        ([claim(at, places=2, group="ab"[at // 3]) for at in range(4)], [33, 33, 0, 34]),
        ([claim(at, network_pps=2, per_network=9) for at in range(4)], [50, 50, 0, 0]),
    ],
    ids=["a record has room for two", "a group of three and one alone", "each needs a lane, and there are two"],
)
def test_the_rate_is_shared_among_those_who_can_have_a_lease_at_once(claims: list[Claim], given: list[int]) -> None:
    budget = warm()
    for each in claims:
        budget.take(each, 0.0)
        budget.give_back(each.nonce, 0.0)
    later = [replace(each, nonce=f"{at:016x}") for at, each in enumerate(claims, 100)]
    found = rates(budget, later, COMING_S)
    assert sum(found) == sum(given)


@pytest.mark.parametrize(
    ("wants", "given"), [([0] * 8, 25), ([10] * 8, 10), ([10, 10, 10, 10, 0, 0, 0, 0], 40)], ids=repr
)
def test_what_some_do_not_want_the_others_have_whoever_gets_a_place(wants: list[int], given: int) -> None:
    budget = warm()
    for at, want in enumerate(wants):
        budget.take(claim(at, wanted_pps=want, places=4), 0.0)
        budget.give_back(claim(at).nonce, 0.0)
    assert rates(budget, [claim(100, worker="w7", wanted_pps=wants[7], places=4)], COMING_S) == [given]


def test_a_worker_that_renews_is_counted_on() -> None:
    budget = warm()
    first = took(budget, claim(1, crowd=2))
    for now_s in (20.0, 40.0):
        assert budget.renew(first, now_s)
    assert rates(budget, [claim(2)], 60.0) == [50]


def test_the_same_lease_gets_the_same_again() -> None:
    budget = warm()
    assert rates(budget, [claim(1), claim(1)]) == [100, 100]
    assert budget.allotted_pps("demo") == 100


@pytest.mark.parametrize(
    ("now_s", "given"), [(9.0, 0), (10.0, 0), (10.9, 0), (10.0 + LINGER_S, 100)], ids=["before", "at", "soon", "later"]
)
def test_a_rate_comes_free_a_second_after_its_lease_was_given_back(now_s: float, given: int) -> None:
    budget = warm()
    took(budget, claim(1))
    budget.give_back(claim(1).nonce, 10.0)
    budget.give_back(claim(1).nonce, 10.5)
    assert budget.next_free_s(10.0) == pytest.approx(LINGER_S)
    assert rates(budget, [claim(2, worker="w1")], now_s) == [given]


def test_what_became_no_lease_is_free_at_once() -> None:
    budget = warm()
    took(budget, claim(1))
    budget.give_back(claim(1).nonce, 0.0, used=False)
    assert rates(budget, [claim(2)]) == [100]


@pytest.mark.parametrize(("now_s", "given"), [(LASTS_S - 0.1, 0), (LASTS_S, 100)])
def test_a_lease_that_nobody_hears_of_counts_until_its_worker_has_stopped_for_sure(now_s: float, given: int) -> None:
    budget = warm()
    took(budget, claim(1))
    assert rates(budget, [claim(2, worker="w1")], now_s) == [given]


def test_an_allotment_that_was_given_back_is_neither_renewed_nor_given_again() -> None:
    budget = warm()
    first = took(budget, claim(1))
    budget.give_back(first.nonce, 0.0)
    assert not budget.renew(first, 0.5) and budget.take(claim(1), 0.5) is None
    budget.give_back("f" * 16, 0.5)


# A keeper that has just begun.


def test_a_new_keeper_gives_nothing_until_everything_of_the_one_before_has_ended() -> None:
    budget = Budget(0.0)
    assert rates(budget, [claim(1)], LASTS_S - 0.1) == [0]
    assert budget.next_free_s(0.0) == LASTS_S
    assert rates(budget, [claim(1)], LASTS_S) == [100]


def test_a_new_keeper_takes_over_what_is_announced_whatever_the_sum() -> None:
    before, budget = warm(), Budget(0.0)
    held = [took(before, claim(at, crowd=2)) for at in range(2)]
    assert all(budget.renew(each, 1.0) for each in held)
    assert budget.allotted_pps("demo") == 100
    budget.all_announced()
    assert rates(budget, [claim(3)], 2.0) == [0]


def test_a_warm_keeper_does_not_go_on_with_what_it_does_not_know() -> None:
    assert not warm().renew(Allotment(**asdict(claim(1)), rate_pps=100, lane_pps=0), 0.0)


def test_a_lease_that_outlives_the_next_keepers_patience_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="longer than 30 s"):
        warm().take(claim(1, ttl_s=31), 0.0)
    assert warm(longest_ttl_s=60).take(claim(1, ttl_s=60), 0.0)


class Keeping(RuleBasedStateMachine):
    """Any order of claims, renewals and ends: the sums hold at every moment, lingering leases included."""

    def __init__(self) -> None:
        super().__init__()
        self.budget, self.now_s, self.number = warm(), 0.0, 0
        self.known: list[Allotment] = []

    @rule(
        worker=st.integers(0, 5),
        group=st.integers(0, 3),
        campaign=st.integers(0, 2),
        wanted=st.sampled_from([0, 1, 7, 40]),
        crowd=st.integers(0, 8),
    )
    def take(self, worker: int, group: int, campaign: int, wanted: int, crowd: int) -> None:
        self.number += 1
        asked = claim(
            self.number,
            worker=f"w{worker}",
            group=f"g{group}",
            campaign=f"c{campaign}",
            wanted_pps=wanted,
            crowd=crowd,
            campaign_pps=(10, 33, 100)[campaign],
            network_pps=(3, 5, 5)[campaign],
            per_network=(1, 2, 0)[campaign],
        )
        found = self.budget.take(asked, self.now_s)
        if found:
            assert found.rate_pps >= 1 and (not wanted or found.rate_pps <= wanted)
            self.known.append(found)

    @rule(at=st.integers(0, 30))
    def renew(self, at: int) -> None:
        if self.known:
            self.budget.renew(self.known[at % len(self.known)], self.now_s)

    @rule(at=st.integers(0, 30), used=st.booleans())
    def give_back(self, at: int, *, used: bool) -> None:
        if self.known:
            self.budget.give_back(self.known[at % len(self.known)].nonce, self.now_s, used=used)

    @rule(later_s=st.sampled_from([0.1, 0.5, 1.0, 9.0, 40.0]))
    def wait(self, later_s: float) -> None:
        self.now_s += later_s

    @invariant()
    def within_the_budget(self) -> None:
        for number, most in enumerate((10, 33, 100)):
            assert self.budget.allotted_pps(f"c{number}") <= most
        assert self.budget.lanes() <= 5


TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
