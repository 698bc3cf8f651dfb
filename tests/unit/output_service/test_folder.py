"""What a store does with its folder after any crash, by the names in it alone."""

import itertools

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.output_service import folder

PLANS = {
    "a new folder gets file 1": ([], folder.Plan(1, False, (), (), ())),
    "a store of an older version becomes file 1": (["results.db"], folder.Plan(1, True, (), (), ())),
    "one file is written to again": (["live-000001.db", "live-000001.db-wal"], folder.Plan(1, False, (), (), ())),
    "a next file that was not finished is of no use": (
        ["live-000001.db", ".next-000002.db", ".next-000002.db-journal"],
        folder.Plan(1, False, (), (), (".next-000002.db", ".next-000002.db-journal")),
    ),
    "a file before the newest is to be closed": (
        ["live-000001.db", "live-000001.db-wal", "live-000002.db"], folder.Plan(2, False, (1,), (), ())
    ),
    "a closed form that was not finished is made again": (
        ["live-000001.db", ".closing-000001.db", "live-000002.db"],
        folder.Plan(2, False, (1,), (), (".closing-000001.db",)),
    ),
    "what was closed needs its old form no more": (
        ["live-000001.db", "live-000001.db-wal", "live-000001.db-shm", "results-000001.db", "live-000002.db"],
        folder.Plan(2, False, (), (1,), ("live-000001.db", "live-000001.db-shm", "live-000001.db-wal")),
    ),
    "what is left beside a file that is gone is removed": (
        ["live-000001.db-wal", "results-000001.db", "live-000002.db", "live-000002.db-shm"],
        folder.Plan(2, False, (), (1,), ("live-000001.db-wal",)),
    ),
    "files that were pruned leave gaps": (
        ["results-000007.db", "live-000008.db", "live-1000000.db"], folder.Plan(1_000_000, False, (8,), (7,), ())
    ),
    "what belongs to others stays": (["owner.lock", "x-live-000001.db"], folder.Plan(1, False, (), (), ())),
}


@pytest.mark.parametrize("names, wanted", PLANS.values(), ids=PLANS)
def test_a_folder(names: list[str], wanted: folder.Plan) -> None:
    assert folder.plan(names) == wanted


@pytest.mark.parametrize("names", [["results-000003.db"], ["results-000003.db", "live-000002.db"]])
def test_a_store_without_the_file_that_was_written_to_is_not_begun_anew(names: list[str]) -> None:
    with pytest.raises(ConfigError, match="missing"):
        folder.plan(names)


def test_two_stores_in_one_folder_are_refused() -> None:
    with pytest.raises(ConfigError, match="older version"):
        folder.plan(["results.db", "live-000001.db"])


# What is done from the first byte in file 2 on until file 1 is closed, in this order; a crash may come after each.
STEPS = [
    {"live-000001.db", "live-000001.db-wal"},
    {"live-000001.db", "live-000001.db-wal", ".next-000002.db", ".next-000002.db-journal"},
    {"live-000001.db", "live-000001.db-wal", ".next-000002.db"},
    {"live-000001.db", "live-000001.db-wal", "live-000002.db"},
    {"live-000001.db", "live-000002.db", "live-000002.db-wal"},
    {"live-000001.db", "live-000002.db", ".closing-000001.db"},
    {"live-000001.db", "live-000002.db", "results-000001.db"},
    {"live-000002.db", "results-000001.db"},
]


@pytest.mark.parametrize("names, later", list(itertools.pairwise(STEPS)), ids=range(len(STEPS) - 1))
def test_a_crash_at_any_step_keeps_each_file_once_and_goes_on(names: set[str], later: set[str]) -> None:
    plan = folder.plan(names)
    kept = names - set(plan.remove)
    assert folder.plan(kept).remove == ()
    readable = [*plan.closed, *plan.unclosed, plan.live]
    assert readable == list(range(1, plan.live + 1)), "each number is read once"
    for number in readable:
        assert (folder.closed(number) if number in plan.closed else folder.live(number)) in kept
    assert plan.live <= folder.plan(later).live


NAMES = {
    "results-000001.db": 1,
    "results-1234567.db": 1_234_567,
    "results-0000001.db": None,
    "results-1.db": None,
    "live-000001.db": None,
    "../results-000001.db": None,
    "results-000001.db/..": None,
    "results-000001.db\n": None,
    "results-000001.db\0": None,
    "results-\u0661\u0661\u0661\u0661\u0661\u0661.db": None,
    "owner.lock": None,
    "": None,
}


@pytest.mark.parametrize("name, number", NAMES.items(), ids=map(repr, NAMES))
def test_a_closed_file_has_one_name(name: str, number: int | None) -> None:
    assert folder.closed_number(name) == number
