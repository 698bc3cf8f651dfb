"""Shards and slots: nothing is in two, nothing in none, and few slots move."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.input_service.shards import (
    PATIENCE_S,
    SLOTS,
    Lock,
    Moves,
    moves,
    ranking,
    shard_at,
    shard_count,
    shard_range,
    slot_of,
    slot_of_name,
)

SIZES = st.integers(1, 2**53)
GOLDEN = (47, 52, 48)


@pytest.mark.parametrize(
    ("size", "count"), [(1, 1), (4095, 1), (8191, 1), (8192, 2), (65_536, 16), (262_144, 64), (10**12, 64)]
)
def test_a_shard_has_at_least_4096_targets_and_there_are_at_most_64(size: int, count: int) -> None:
    assert shard_count(size) == count


@given(SIZES)
def test_shards_follow_each_other_without_gap_and_overlap(size: int) -> None:
    ranges = [shard_range(size, shard) for shard in range(shard_count(size))]
    assert ranges[0][0] == 0 and ranges[-1][1] == size
    assert all(before[1] == after[0] for before, after in itertools.pairwise(ranges))
    assert all(start < stop for start, stop in ranges)


@given(SIZES, st.data())
def test_every_position_is_found_in_its_shard(size: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, size - 1))
    start, stop = shard_range(size, shard_at(size, position))
    assert start <= position < stop


def test_a_large_campaign_lies_in_all_slots_and_names_decide_where_a_small_one_lies() -> None:
    assert {slot_of("large", 4, shard) for shard in range(64)} == set(range(SLOTS))
    assert len({slot_of(f"c{number}", 4, 0) for number in range(1000)}) == SLOTS
    # Frozen: another number would give the targets to instances that do not know of each other's leases.
    assert (slot_of("demo", 4, 0), slot_of("demo", 6, 3), slot_of_name("192.0.2.1")) == GOLDEN


def test_every_instance_gets_about_its_share_by_weight() -> None:
    weights = {"a": 1.0, "b": 1.0, "c": 2.0, "canary": 0.0}
    first = [ranking(f"slot {number}", weights)[0] for number in range(4000)]
    shares = {each: first.count(each) / 4000 for each in weights}
    assert shares["canary"] == 0
    assert shares == pytest.approx({"a": 0.25, "b": 0.25, "c": 0.5, "canary": 0}, abs=0.03)


def test_only_the_slots_of_the_one_that_left_move() -> None:
    four = dict.fromkeys("abcd", 1.0)
    three = dict.fromkeys("abc", 1.0)
    for slot in range(SLOTS):
        before = ranking(f"slot {slot}", four)
        assert ranking(f"slot {slot}", three) == [each for each in before if each != "d"]


def should_own(me: str, weights: dict[str, float]) -> set[int]:
    return {slot for slot in range(SLOTS) if ranking(f"slot {slot}", weights)[0] == me}


def test_each_takes_its_own_free_slots_at_once_and_together_they_take_all() -> None:
    weights = dict.fromkeys("abc", 1.0)
    taken = {me: set(moves(me, weights, {}, ()).take) for me in weights}
    assert taken == {me: should_own(me, weights) for me in weights}
    assert set().union(*taken.values()) == set(range(SLOTS))


def test_the_next_in_rank_waits_a_moment_for_the_one_before() -> None:
    weights = dict.fromkeys("ab", 1.0)
    theirs = should_own("b", weights)
    early = {slot: Lock(free_for_s=PATIENCE_S - 0.1) for slot in range(SLOTS)}
    late = {slot: Lock(free_for_s=PATIENCE_S) for slot in range(SLOTS)}
    assert not theirs & set(moves("a", weights, early, ()).take)
    assert theirs <= set(moves("a", weights, late, ()).take)


def test_a_slot_that_was_given_up_is_taken_at_once_and_not_by_the_one_that_left() -> None:
    weights = dict.fromkeys("ab", 1.0)
    given_up = {slot: Lock(left="b") for slot in range(SLOTS)}
    assert set(moves("a", weights, given_up, ()).take) == set(range(SLOTS))
    assert moves("b", weights, given_up, ()).take == ()


def test_a_slot_is_not_handed_back_to_the_one_that_leaves() -> None:
    weights = dict.fromkeys("ab", 1.0)
    taken = {slot: Lock(holder="a", left="b") for slot in range(SLOTS)}
    assert moves("a", weights, taken, range(SLOTS)) == Moves()


def test_what_another_holds_is_left_alone_and_what_another_should_own_is_handed_over() -> None:
    weights = dict.fromkeys("ab", 1.0)
    held = {slot: Lock(holder="a") for slot in range(SLOTS)}
    found = moves("a", weights, held, range(SLOTS))
    assert found == Moves(take=(), hand_over=tuple(sorted(should_own("b", weights))))
    assert moves("b", weights, held, ()) == Moves()


def test_nothing_moves_while_no_instance_is_known() -> None:
    assert moves("a", {}, {}, ()) == Moves()
    assert moves("a", {}, {0: Lock(holder="a")}, (0,)) == Moves()
