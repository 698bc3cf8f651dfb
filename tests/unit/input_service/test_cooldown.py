"""No position is handed out twice within the cooldown, whatever is forgotten on the way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.input_service.cooldown import MAX_ENTRIES, Cooling
from hoploom.kit.errors import BadRequest
from hoploom.targets.ranges import merge, subtract

COOLDOWN_S = 60.0
NEW = Cooling(COOLDOWN_S)


def ended(*leases: tuple[int, int, float]) -> Cooling:
    """Leases (first, last, end) one after the other, each handed out a second before its end."""
    cooling = NEW
    for first, last, end_s in leases:
        cooling = cooling.add((first, last), end_s - 1).ended((first, last), end_s)
    return cooling


def test_nothing_is_blocked_at_first() -> None:
    assert (NEW.blocked(0.0), NEW.next_free_s(0.0)) == ([], None)


def test_a_lease_that_is_out_is_blocked_however_long_it_lasts() -> None:
    cooling = NEW.add((10, 19), 0.0)
    assert (cooling.blocked(1e9), cooling.next_free_s(1e9)) == ([(10, 19)], None)


@pytest.mark.parametrize(
    ("now_s", "blocked", "next_free_s"),
    [(100.0, [(10, 19)], 60.0), (159.9, [(10, 19)], pytest.approx(0.1)), (160.0, [], None)],
)
def test_the_rest_counts_from_the_end_of_the_lease(now_s: float, blocked: Any, next_free_s: Any) -> None:
    cooling = NEW.add((10, 19), 0.0).ended((10, 19), 100.0)
    assert (cooling.blocked(now_s), cooling.next_free_s(now_s)) == (blocked, next_free_s)


def test_the_later_of_two_ends_holds_where_both_leases_were() -> None:
    cooling = ended((0, 9, 0.0), (5, 14, 30.0))
    assert [cooling.blocked(at) for at in (59.0, 60.0, 90.0)] == [[(0, 14)], [(5, 14)], []]


def test_an_end_that_is_told_twice_or_never_began_blocks_all_the_same() -> None:
    cooling = NEW.ended((0, 9), 0.0).ended((0, 9), 10.0)
    assert (cooling.blocked(69.0), cooling.blocked(70.0)) == ([(0, 9)], [])


def test_what_has_rested_is_forgotten() -> None:
    cooling = ended(*((at * 10, at * 10 + 4, at * 100.0) for at in range(50)))
    assert len(cooling.entries) == 1


def test_too_many_entries_are_joined_where_that_blocks_least() -> None:
    apart = [(at * 100, at * 100 + 9, 1.0) for at in range(MAX_ENTRIES)]
    cooling = ended(*apart, (12_800, 12_809, 1.0), (12_811, 12_819, 1.0))
    assert len(cooling.entries) == MAX_ENTRIES
    assert (12_800, 12_819) in cooling.blocked(2.0)


def test_a_taker_begins_all_timers_anew_and_takes_leases_that_were_out_for_ended() -> None:
    cooling = ended((0, 9, 0.0)).add((20, 29), 0.0)
    taken = Cooling.from_json(json.loads(json.dumps(cooling.to_json(20.0))), COOLDOWN_S, 1000.0)
    assert [taken.blocked(1000.0 + at) for at in (39.0, 40.0, 60.0)] == [[(0, 9), (20, 29)], [(20, 29)], []]


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        [1],
        [[1, 2]],
        [[1, 2, 3.5]],
        [[1, 2, True]],
        [[3, 2, 1]],
        [[-1, 2, 1]],
        [[1, 2, -1]],
        [[1, 2, 10**30]],
        [[5, 9, 1], [9, 12, 1]],
        [[at, at, 1] for at in range(0, 1000, 2)],
    ],
)
def test_a_damaged_document_is_refused(document: object) -> None:
    with pytest.raises(BadRequest):
        Cooling.from_json(document, COOLDOWN_S, 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 20), st.floats(0, 0.5)), max_size=400),
    st.integers(0, 400),
)
def test_whatever_ended_within_the_cooldown_is_blocked(leases: list[tuple[int, int, float]], restart: int) -> None:
    cooling, now_s, exact = NEW, 0.0, []
    for number, (first, size, later_s) in enumerate(leases):
        now_s += later_s
        leased = (first, first + size)
        cooling = cooling.add(leased, now_s).ended(leased, now_s)
        exact.append((leased, now_s))
        if number == restart:
            cooling = Cooling.from_json(cooling.to_json(now_s), COOLDOWN_S, now_s)
    needed = merge(leased for leased, end_s in exact if end_s + COOLDOWN_S > now_s + 1e-6)
    assert subtract(needed, cooling.blocked(now_s)) == []
    assert len(cooling.entries) <= MAX_ENTRIES
