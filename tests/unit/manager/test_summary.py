"""Sums over every output instance count each batch once."""

from typing import Any

import pytest

from hoploom.manager.summary import Summary, cover, covered, summarize


def batch(name: str, start: int, stop: int, **changes: Any) -> dict[str, Any]:
    rows = stop - start
    counts = {"rows": rows, "answered": rows, "lost": 0, "unreachable": 0, "failed": 0}
    return {"batch": name, "group": "g", "round": 0, "family": 4, "start": start, "stop": stop, **counts, **changes}


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], 0),
        ([(0, 10)], 10),
        ([(0, 10), (10, 20)], 20),
        ([(0, 10), (5, 20)], 20),
        ([(0, 100), (10, 20)], 100),
        ([(50, 60), (0, 10)], 20),
    ],
)
def test_covered_positions_are_counted_once(ranges: list[tuple[int, int]], expected: int) -> None:
    assert covered(ranges) == expected


def test_a_batch_that_two_instances_have_counts_once() -> None:
    assert summarize([batch("a", 0, 10), batch("a", 0, 10)])["g"] == Summary(targets=10, answered=10)


def test_hops_are_summed_and_an_older_output_tells_of_none() -> None:
    found = summarize([batch("a", 0, 10, hops=40), batch("b", 10, 20, hops=2, suspect=1), batch("c", 20, 30)])["g"]
    assert (found.hops, found.suspect) == (40, 10)


def test_positions_of_two_leases_are_duplicates() -> None:
    found = summarize([batch("a", 0, 10), batch("b", 5, 10)])["g"]
    assert (found.targets, found.answered, found.duplicates) == (10, 10, 5)


@pytest.mark.parametrize(
    ("ranges", "chosen"),
    [
        ([], []),
        ([(0, 10), (0, 10)], [(0, 10)]),
        ([(0, 10), (10, 20)], [(0, 10), (10, 20)]),
        ([(0, 4), (4, 10), (0, 10)], [(0, 10)]),
        ([(0, 10), (5, 15), (10, 20)], [(0, 10), (10, 20)]),
        ([(0, 10), (5, 15)], [(0, 10), (5, 15)]),
        ([(5, 8), (20, 30), (21, 25), (5, 6)], [(5, 8), (20, 30)]),
        ([(0, 3), (1, 2), (7, 9), (3, 7)], [(0, 3), (3, 7), (7, 9)]),
    ],
)
def test_results_count_from_the_fewest_batches_that_cover_the_same(
    ranges: list[tuple[int, int]], chosen: list[tuple[int, int]]
) -> None:
    found = cover([batch(str(number), *each) for number, each in enumerate(ranges)])
    assert [(each["start"], each["stop"]) for each in found] == chosen


def test_what_was_probed_again_after_a_kill_is_answered_once() -> None:
    found = summarize([batch("a", 0, 8), batch("b", 0, 4), batch("c", 4, 8)])["g"]
    assert (found.targets, found.answered, found.duplicates) == (8, 8, 8)


def test_rows_of_a_dead_uplink_cover_nothing_and_are_no_results() -> None:
    dead = batch("b", 5, 20, answered=0, lost=15, suspect=1)
    assert summarize([batch("a", 0, 10), dead])["g"] == Summary(targets=10, answered=10, suspect=15)


def test_a_skipped_target_is_dealt_with_and_no_duplicate() -> None:
    skipping = batch("a", 0, 10, rows=7, answered=7)
    assert summarize([skipping])["g"] == Summary(targets=10, answered=7)


def test_groups_and_families_are_apart() -> None:
    other = batch("c", 0, 3, group="other", answered=1, lost=2)
    found = summarize([batch("a", 0, 10), batch("b", 0, 10, family=6), other])
    assert found["g"] == Summary(targets=20, answered=20)
    assert found["other"] == Summary(targets=3, answered=1, lost=2)
