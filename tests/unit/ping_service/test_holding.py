"""What a worker holds: when leases end, what is said of each next, and when another is wanted."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from hoploom.ping_service import holding
from hoploom.ping_service.holding import CHUNK_S, LATE_S, MAX_WAITING, TRACE_CHUNK_S, Held, Holding, Word
from hoploom.wire.probe import TRACE_PACKETS, Probe
from unit.ping_service.stations import lease

LEASE = lease(0, 100)


def held(**changes: Any) -> Held:
    return replace(holding.granted((), LEASE, 0.0)[0], **changes)


def only(found: Holding) -> Held:
    assert len(found) == 1
    return found[0]


def test_a_lease_counts_from_when_it_was_asked_for_and_is_taken_once() -> None:
    found = holding.granted((), LEASE, 7.0)
    assert (only(found).ends_s, only(found).say_s) == (37.0, 17.0)
    assert holding.granted(found, LEASE, 9.0) == found


def test_a_renewal_counts_from_when_it_was_sent_and_changes_the_rate() -> None:
    found = only(holding.renewed((held(),), LEASE.id, 10.0, 30, 50))
    assert (found.ends_s, found.say_s, found.rate_pps) == (40.0, 20.0, 50)


def test_what_became_due_during_a_renewal_stays_due() -> None:
    full = held(stored_upto=100, say_s=holding.NOW_S)
    assert only(holding.renewed((full,), LEASE.id, 10.0, 30, 0)).say_s == holding.NOW_S


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, Word.RENEW),
        ({"probed_upto": 100}, Word.RENEW),
        ({"stored_upto": 100}, Word.DONE),
        ({"stored_upto": 100, "stopped": "paused"}, Word.DONE),
        ({"stopped": "paused"}, Word.RETURN),
        ({"stopped": "paused", "under_way": 1}, Word.RENEW),
    ],
)
def test_the_next_word_about_a_lease(changes: dict[str, Any], word: Word) -> None:
    assert held(**changes).word is word


@pytest.mark.parametrize(("now_s", "upto", "left"), [(29.9, 0, 1), (30.0, 0, 0), (30.0, 100, 1), (30 + LATE_S, 100, 0)])
def test_what_has_ended_is_dropped_but_what_is_wholly_stored_is_told_late(now_s: float, upto: int, left: int) -> None:
    assert len(holding.expire((held(stored_upto=upto),), now_s)) == left


def test_a_stopped_lease_is_returned_at_once_when_its_last_chunk_is_stored() -> None:
    found = holding.stop(holding.begun((held(),), LEASE.id, 0), [LEASE.id], "paused")
    assert not only(found).is_open and only(found).say_s == 10.0
    found = holding.settled(holding.probed(found, LEASE.id, 40), LEASE.id, 0, 40)
    assert (only(found).word, only(found).stored_upto, only(found).say_s) == (Word.RETURN, 40, holding.NOW_S)


def test_the_first_reason_to_stop_stays() -> None:
    found = holding.stop(holding.stop((held(),), [LEASE.id], "paused"), [LEASE.id], "uplink")
    assert only(found).stopped == "paused"


def test_nothing_behind_a_gap_counts() -> None:
    found: Holding = (held(under_way=2),)
    found = holding.settled(holding.settled(found, LEASE.id, 0, 0), LEASE.id, 40, 80)
    assert (only(found).stored_upto, only(found).under_way) == (0, 0)


@pytest.mark.parametrize("order", list(permutations([(0, 10), (10, 30), (30, 31), (31, 100)])))
def test_chunks_count_in_whatever_order_they_are_stored(order: tuple[tuple[int, int], ...]) -> None:
    found: Holding = (held(under_way=4),)
    for start, stop in order:
        assert only(found).word is Word.RENEW
        found = holding.settled(found, LEASE.id, start, stop)
    assert (only(found).stored_upto, only(found).under_way, only(found).word) == (100, 0, Word.DONE)


@pytest.mark.parametrize(
    "change",
    [
        lambda each: holding.renewed(each, "other", 1, 1, 1),
        lambda each: holding.dropped(each, "other"),
        lambda each: holding.settled(each, "other", 0, 100),
        lambda each: holding.put_off(each, "other", 5.0),
    ],
)
def test_news_of_a_lease_that_is_not_held_change_nothing(change: Any) -> None:
    assert change((held(),)) == (held(),)


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        ((), True),
        ((held(),), True),
        ((held(pace_pps=7),), True),
        ((held(pace_pps=6),), False),
        ((held(pace_pps=6, probed_upto=100),), True),
        ((held(pace_pps=6, stopped="paused"),), True),
        ((held(), held()), False),
        ((held(), held(probed_upto=100, under_way=1)), True),
        ((held(probed_upto=100, under_way=1),) * (MAX_WAITING - 1), True),
        ((held(probed_upto=100, under_way=1),) * MAX_WAITING, False),
    ],
)
def test_another_lease_is_wanted_when_half_of_the_time_would_be_idle(now: Holding, wanted: bool) -> None:
    assert holding.wants_another(now) is wanted


@pytest.mark.parametrize(
    ("pace_pps", "count", "stop"), [(0, 1, 100), (5, 1, 5 * CHUNK_S), (5, 3, 16), (1, 50, 1), (99, 1, 100)]
)
def test_a_chunk_is_some_seconds_of_work_and_one_target_at_least(pace_pps: int, count: int, stop: int) -> None:
    slow = replace(held(), lease=replace(LEASE, probe=Probe(count=count)))
    assert holding.chunk_stop(slow, pace_pps) == stop


@pytest.mark.parametrize(
    ("pace_pps", "probe", "stop"),
    [
        (0, Probe(kind="trace"), 16_384),
        (0, Probe(kind="trace", max_ttl=64), 8_192),
        (0, Probe(kind="trace", max_ttl=1), 16_384),
        (10**6, Probe(kind="trace"), 16_384),
        (100, Probe(kind="trace"), 100 * TRACE_CHUNK_S // TRACE_PACKETS),
        (100, Probe(kind="trace", count=3), 100 * TRACE_CHUNK_S // (3 * TRACE_PACKETS)),
        (1, Probe(kind="trace", count=10), 1),
        (0, Probe(), 65_536),
    ],
)
def test_a_chunk_of_traceroutes_fits_a_batch(pace_pps: int, probe: Probe, stop: int) -> None:
    large = replace(held(), lease=replace(lease(0, 10), stop=10**6, probe=probe))
    assert holding.chunk_stop(large, pace_pps) == stop


def test_work_that_is_left_is_counted_in_packets() -> None:
    traced = replace(held(pace_pps=50), lease=replace(LEASE, probe=Probe(kind="trace")))
    assert traced.work_left_s == 100 * TRACE_PACKETS / 50


def test_the_first_lease_with_something_left_goes_on() -> None:
    first, second = held(probed_upto=100), replace(held(), lease=lease(100, 200), probed_upto=100)
    assert holding.next_open((first, second), 0.0) == second
    assert holding.next_open((first, second), 30.0) is None
