"""What is done next, moment by moment."""

from dataclasses import replace

import pytest

from hoploom.manager.dyfi.plan import (
    ASK_EVERY_S,
    FIRST_LOOK_S,
    LOOK_EVERY_S,
    POLL_S,
    REFRESH_LEAST_S,
    REFRESH_MOST_S,
    Ask,
    Call,
    Look,
    Moment,
    Rest,
    Step,
    View,
    Wish,
    disagreeing,
    learnt,
    next_step,
)
from hoploom.manager.dyfi.record import (
    AGAIN,
    CHANGED,
    CORRECTED,
    DAY_S,
    FIRST,
    LEAST_S,
    REFRESHED,
    Record,
)

A, B = "a.dy.fi", "b.dy.fi"
HERE, THERE = "192.0.2.7", "192.0.2.8"
BOTH, ASKING = Wish((A, B), asks=False), Wish((A, B), asks=True)
TOLD = Record(claimed_us=1, lasts_s=15, updated_us={A: 1, B: 1}, interval_s=5.4 * DAY_S, address=HERE, heard=HERE)
"""Both were told at the beginning of time."""


def view(at_s: float, own: str = "", named: str | None = None, looked_s: float | None = None) -> View:
    """As it is at that moment, had the term begun an hour before; asked and looked just then, unless said otherwise."""
    looks = {A: frozenset({named} - {""}), B: frozenset({HERE})} if named is not None else {}
    return View(at_s - 3600, 1, at_s - 3600, own, at_s, looks, at_s if looked_s is None else looked_s)


def step(record: Record, at_s: float, seen: View | None = None, wish: Wish = BOTH) -> Step:
    return next_step(wish, record, seen or view(at_s), Moment(at_s, int(at_s * 1e6)))


def test_names_that_were_never_told_are_told_at_once() -> None:
    assert step(Record(), 1000.0) == Call((A, B), FIRST)


def test_a_name_that_is_new_in_the_settings_is_told_alone() -> None:
    record = replace(TOLD, updated_us={A: 1})
    assert step(record, 7 * LEAST_S) == Call((B,), FIRST)


def test_the_own_address_is_asked_for_before_anything_is_told() -> None:
    assert step(Record(), 1000.0, View(1000.0, 0, 1000.0), ASKING) == Ask()
    assert step(TOLD, DAY_S, replace(view(DAY_S), asked_s=DAY_S - ASK_EVERY_S), ASKING) == Ask()


def test_nothing_is_done_while_all_is_well_and_until_somebody_may_have_resumed() -> None:
    assert step(TOLD, DAY_S) == Rest(POLL_S)


def test_it_is_refreshed_when_the_drawn_time_is_over_and_not_before() -> None:
    over_s = 5.4 * DAY_S
    assert step(TOLD, over_s - 9) == Rest(pytest.approx(9, abs=0.01))  # type: ignore[arg-type]
    assert step(TOLD, over_s + 1) == Call((A, B), REFRESHED)


def test_the_drawn_time_is_from_five_days_to_a_little_less_than_six() -> None:
    assert REFRESH_LEAST_S == 5 * DAY_S and 5.5 * DAY_S < REFRESH_MOST_S < 6 * DAY_S


def test_a_name_that_was_told_later_than_the_others_is_not_refreshed_with_them() -> None:
    record = replace(TOLD, updated_us={A: 1, B: int(2 * DAY_S * 1e6)})
    assert step(record, 5.5 * DAY_S) == Call((A,), REFRESHED)


def test_another_own_address_is_told_at_once() -> None:
    assert step(TOLD, DAY_S, view(DAY_S, own=THERE), ASKING) == Call((A, B), CHANGED)
    assert isinstance(step(TOLD, DAY_S, view(DAY_S, own=HERE), ASKING), Rest)


def test_an_address_that_was_told_already_is_no_change_even_where_the_provider_names_another() -> None:
    record = replace(TOLD, heard=THERE)
    assert isinstance(step(record, DAY_S, view(DAY_S, own=THERE), ASKING), Rest)


@pytest.mark.parametrize("useless", [0, 1, 4])
def test_ten_minutes_lie_between_two_calls_and_twice_as_many_where_they_set_nothing_right(useless: int) -> None:
    pause_s = LEAST_S * 2**useless
    record = replace(TOLD, claimed_us=int(DAY_S * 1e6), useless=useless)
    early, late = DAY_S + pause_s - 1, DAY_S + pause_s
    # A leader that has just begun: its own clock knows nothing yet.
    fresh = [replace(view(at_s, own=THERE), known_s=at_s) for at_s in (early, late)]
    assert step(record, early, fresh[0], ASKING) == Rest(1.0)
    assert step(record, late, fresh[1], ASKING) == Call((A, B), CHANGED)


@pytest.mark.parametrize("rest_s", [LEAST_S, 1800.0, DAY_S])
def test_what_failed_is_tried_again_when_its_rest_is_over(rest_s: float) -> None:
    record = replace(TOLD, claimed_us=int(DAY_S * 1e6), missing=[B], failures=1, rest_s=rest_s)
    at_s = DAY_S + rest_s
    assert isinstance(step(record, at_s - 1, replace(view(at_s - 1), known_s=at_s - 1)), Rest)
    assert step(record, at_s, replace(view(at_s), known_s=at_s)) == Call((B,), AGAIN)


def test_a_claim_that_is_open_is_waited_out_by_the_own_clock() -> None:
    """Whatever the wall clock says: it may be days ahead of the one that wrote the claim."""
    record = replace(TOLD, open=True, missing=[A, B], failures=1, rest_s=LEAST_S)
    at_s = 9 * DAY_S
    assert step(record, at_s, replace(view(at_s), known_s=at_s - 14)) == Rest(1.0)
    assert step(record, at_s, replace(view(at_s), known_s=at_s - 15)) == Call((A, B), AGAIN)


def test_a_record_from_a_clock_that_was_ahead_keeps_nobody_from_calling_for_ever() -> None:
    ahead = int(365 * DAY_S * 1e6)
    record = replace(TOLD, claimed_us=ahead, updated_us={A: ahead, B: ahead})
    at_s = 20 * DAY_S
    assert isinstance(step(record, at_s, replace(view(at_s), known_s=at_s - DAY_S)), Rest)
    assert step(record, at_s, replace(view(at_s), known_s=at_s - 5.41 * DAY_S)) == Call((A, B), REFRESHED)


def test_whoever_is_told_to_stop_does_nothing_at_all() -> None:
    record = replace(TOLD, stopped="badauth for a.dy.fi: ...", missing=[A, B])
    for at_s in (LEAST_S, DAY_S, 100 * DAY_S):
        late = View(at_s - 9999, 1, at_s - 9999)
        assert step(record, at_s, late, ASKING) == Rest(POLL_S)


@pytest.mark.parametrize(
    ("since_s", "looked_s", "looks"),
    [(FIRST_LOOK_S - 1, None, False), (FIRST_LOOK_S, None, True), (9999, LOOK_EVERY_S - 1, False),
     (9999, LOOK_EVERY_S, True)],
    ids=["the term is young", "a minute old", "looked within the hour", "an hour ago"],
)  # fmt: skip
def test_names_are_looked_up_a_minute_after_the_change_of_leader_and_hourly(
    since_s: float, looked_s: float | None, *, looks: bool
) -> None:
    seen = View(DAY_S - since_s, 1, DAY_S - since_s, looked_s=float("-inf") if looked_s is None else DAY_S - looked_s)
    assert (step(TOLD, DAY_S, seen) == Look()) == looks


@pytest.mark.parametrize(
    ("named", "wrong"), [(HERE, ()), (THERE, (A,)), ("", (A,))], ids=["right", "another address", "no address"]
)
def test_a_name_that_is_wrong_in_dns_is_corrected_alone(named: str, wrong: tuple[str, ...]) -> None:
    seen = view(DAY_S, named=named)
    assert disagreeing(TOLD, seen) == wrong
    found = step(TOLD, DAY_S, seen)
    assert found == Call(wrong, CORRECTED) if wrong else isinstance(found, Rest)


def test_a_name_that_cannot_be_looked_up_is_not_wrong() -> None:
    assert isinstance(step(TOLD, DAY_S, view(DAY_S)), Rest)


def test_nothing_is_corrected_for_an_old_look() -> None:
    assert step(TOLD, DAY_S, view(DAY_S, named=THERE, looked_s=DAY_S - 61)) == Look()


def test_a_look_from_before_the_last_claim_is_none() -> None:
    seen = replace(view(DAY_S, named=THERE), known_s=DAY_S)
    assert not isinstance(step(TOLD, DAY_S, seen), Call)


def test_what_dns_says_is_learnt_where_the_provider_has_said_nothing() -> None:
    record, later = replace(TOLD, address="", heard="", useless=3), Moment(DAY_S, int(DAY_S * 1e6))
    after = learnt(record, view(DAY_S, named=HERE), later)
    assert (after.address, after.useless) == (HERE, 0)
    assert learnt(record, view(DAY_S, named=THERE), later).address == "", "the names do not agree"
    assert learnt(TOLD, view(DAY_S, named=THERE), later) == TOLD, "it is wrong, and corrected"
    young = replace(view(9.0, named=HERE), known_s=0.0)
    assert learnt(record, young, Moment(9.0, 9_000_000)).address == "", "it may be from before the call"
