"""Who is sent next, and when: the order, the pauses, and what a batch that nobody stores does to the others."""

from collections import Counter

import pytest

from hoploom.ping_service.line import ASIDE_S, FIRST_PAUSE_S, LONGEST_PAUSE_S, TRIES, Line, Waiting
from hoploom.ping_service.segment import Name


def waiting(place: int, since_s: float = 0.0) -> Waiting:
    return Waiting(Name(place, f"{place:08x}-0000-4000-8000-000000000000"), 100, since_s)


def line(count: int) -> Line:
    found = Line()
    for place in range(count):
        found.add(waiting(place, float(place)), 0.0)
    return found


def taken(found: Line, now_s: float = 0.0) -> int | None:
    """The place of the one to send now."""
    each = found.take(now_s)
    return each.name.place if each else None


def test_the_oldest_goes_first_and_several_may_be_sent_at_a_time() -> None:
    found = line(3)
    assert [taken(found) for _ in range(4)] == [0, 1, 2, None]
    assert (len(found), found.size_bytes, found.oldest_s) == (3, 300, 0.0)


def test_what_is_stored_or_dropped_waits_no_more() -> None:
    found = line(3)
    first, second = found.take(0.0), found.take(0.0)
    assert first and second
    found.answered(first.name)
    found.dropped(second.name)
    assert (len(found), found.size_bytes, found.oldest_s) == (1, 100, 2.0)
    third = found.take(0.0)
    assert third
    found.answered(third.name)
    assert (len(found), found.size_bytes, found.oldest_s) == (0, 0, None)


def test_while_nobody_stores_anything_one_is_sent_at_a_time_with_growing_pauses() -> None:
    found, now_s, pauses = line(4), 0.0, list[float]()
    for _ in range(10):
        each = found.take(now_s)
        assert each and (not pauses or found.take(now_s) is None)
        found.failed(each.name, now_s, luck=1.0)
        assert found.take(now_s) is None
        pauses.append(found.wait_s(now_s))
        now_s += pauses[-1]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, *[LONGEST_PAUSE_S] * 4])


def test_luck_makes_a_pause_shorter_by_half_at_most() -> None:
    found = line(1)
    each = found.take(0.0)
    assert each
    found.failed(each.name, 0.0, luck=0.0)
    assert found.wait_s(0.0) == pytest.approx(FIRST_PAUSE_S / 2)


def test_a_stored_batch_ends_the_pauses() -> None:
    found = line(3)
    first, second = found.take(0.0), found.take(0.0)
    assert first and second
    found.failed(first.name, 0.0, luck=1.0)
    found.answered(second.name)
    assert found.wait_s(0.0) == 0.0 and taken(found) == 0 and taken(found) == 2


def test_a_new_batch_is_not_kept_waiting_by_the_pauses_of_the_old() -> None:
    found, now_s = line(1), 0.0
    for _ in range(TRIES * 4):
        each = found.take(now_s)
        assert each
        found.failed(each.name, now_s, luck=1.0)
        now_s += found.wait_s(now_s)
    each = found.take(now_s)
    assert each
    found.failed(each.name, now_s, luck=1.0)
    found.add(waiting(1), now_s)
    assert found.wait_s(now_s) == pytest.approx(FIRST_PAUSE_S) and taken(found, now_s + FIRST_PAUSE_S) == 1


def ten_minutes(found: Line, poison: set[int]) -> tuple[list[int], Counter[int]]:
    """Sends in a row for ten minutes to an output that cannot store some; what it stored in order, and all tries."""
    now_s, stored, tries = 0.0, list[int](), Counter[int]()
    while now_s < 600:
        each = found.take(now_s)
        if each is None:
            now_s += max(found.wait_s(now_s), 0.05)
            continue
        place = each.name.place
        tries[place] += 1
        now_s += 0.05
        if place in poison:
            found.failed(each.name, now_s, luck=1.0)
        else:
            found.answered(each.name)
            stored.append(place)
    return stored, tries


@pytest.mark.parametrize("poison", [{0}, {0, 1, 2}, {3}, {49}])
def test_a_batch_that_nobody_can_store_does_not_hold_up_the_others_and_is_never_given_up(poison: set[int]) -> None:
    stored, tries = ten_minutes(line(50), poison)
    assert stored == [place for place in range(50) if place not in poison]
    assert all(tries[place] > 20 for place in poison)


def test_it_steps_aside_for_the_younger_only_so_long() -> None:
    found, now_s = line(1), 0.0
    for _ in range(TRIES):
        each = found.take(now_s)
        assert each
        found.failed(each.name, now_s, luck=1.0)
        now_s += found.wait_s(now_s)
    found.add(waiting(1), now_s)
    found.add(waiting(2), now_s)
    assert taken(found, now_s) == 1
    found.answered(waiting(1).name)
    assert taken(found, now_s + ASIDE_S) == 0


def test_after_an_outage_everything_is_sent_at_once() -> None:
    found, now_s = line(20), 0.0
    while now_s < 3600:
        each = found.take(now_s)
        assert each
        found.failed(each.name, now_s, luck=1.0)
        now_s += found.wait_s(now_s)
    for _ in range(20):
        each = found.take(now_s)
        assert each
        found.answered(each.name)
    assert len(found) == 0
