"""Shards: every position once, one owner at a time; each wrong run is found."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.check_leadership import Effect
from lab.check_shards import Completion, Work, longest_gap_s, owners_overlap, unfinished
from lab.history import Token
from lab.intervals import Span

WORK = Work("c", 1, "g")


def done(start: int, end: int, lease: str = "", *, accepted: bool = True, work: Work = WORK) -> Completion:
    return Completion(work, Span(start, end), lease or f"{start}", accepted)


@pytest.mark.parametrize(
    ("completions", "wrong"),
    [
        ([done(0, 5), done(5, 10)], 0),
        ([done(5, 10), done(0, 3), done(3, 5)], 0),
        # The answer got lost, and the worker asked again.
        ([done(0, 10, "x"), done(0, 10, "x")], 0),
        # The first holder came too late, and was told so.
        ([done(0, 10, "x", accepted=False), done(0, 10, "y")], 0),
        ([], 1),
        ([done(0, 5)], 1),
        ([done(0, 10, accepted=False)], 1),
        ([done(0, 10, "x"), done(0, 10, "y")], 1),
        ([done(0, 6), done(5, 10)], 1),
        ([done(0, 11)], 1),
        ([done(0, 10), done(0, 10, work=Work("c", 2, "g"))], 1),
    ],
)
def test_every_position_has_one_accepted_completion(completions: list[Completion], wrong: int) -> None:
    assert len(unfinished({WORK: 10}, completions)) == wrong


def test_what_is_wrong_is_told_with_its_positions() -> None:
    words = [each.words for each in unfinished({WORK: 10}, [done(0, 6), done(5, 8)])]
    assert [each.split(": ", 1)[1] for each in words] == ["2 not done: [8, 10)", "1 done twice: [5, 6)"]


@given(st.sets(st.integers(1, 99)), st.data())
def test_any_partition_passes_and_any_part_left_out_or_done_again_is_found(cuts: set[int], data: st.DataObject) -> None:
    edges = [0, *sorted(cuts), 100]
    parts = [done(start, end) for start, end in pairwise(edges)]
    assert unfinished({WORK: 100}, parts) == []
    part = data.draw(st.sampled_from(parts))
    assert unfinished({WORK: 100}, [each for each in parts if each != part])
    again = done(int(part.span.start), int(part.span.end), "again")
    assert unfinished({WORK: 100}, [*parts, again])


def effect(order: int, index: int, proc: str, *, accepted: bool = True) -> Effect:
    return Effect(order, "07", Token(0, index), (proc, 1), accepted)


@pytest.mark.parametrize(
    ("effects", "wrong"),
    [
        ([effect(0, 5, "a"), effect(1, 5, "a"), effect(2, 7, "b")], 0),
        ([effect(0, 5, "a"), effect(2, 7, "b"), effect(3, 5, "a", accepted=False)], 0),
        ([effect(0, 5, "a"), effect(2, 7, "b"), effect(3, 5, "a")], 1),
        ([effect(0, 5, "a"), effect(1, 7, "b"), effect(2, 5, "a"), effect(3, 7, "b")], 1),
    ],
)
def test_owners_writes_do_not_interleave(effects: list[Effect], wrong: int) -> None:
    assert len(owners_overlap(effects)) == wrong


def test_the_longest_time_without_an_owner_counts_both_ends() -> None:
    assert longest_gap_s([Span(2, 5), Span(6, 9)], Span(0, 10)) == 2
    assert longest_gap_s([Span(0, 10)], Span(0, 10)) == 0
    assert longest_gap_s([], Span(0, 10)) == 10
