"""Which closed files go: never one that a named data set lacks, unless the settings say so by age."""

import itertools

import pytest

from hoploom.output_service.closed import ClosedFile
from hoploom.output_service.confirmations import Confirmed
from hoploom.output_service.pruning import DAY_US, Policy, Prune, due, is_confirmed, oldest_unconfirmed_us

UUID = "00000000-0000-4000-8000-000000000000"
DAY = 100
# Three files of ten batches each, closed a day after each other; today is day 100.
FILES = [
    ClosedFile(number, 10 * number - 9, 10 * number, 1000, 48_000, "ab" * 32, (DAY - 4 + number) * DAY_US)
    for number in (1, 2, 3)
]


def known(**upto: int) -> dict[str, Confirmed]:
    return {name: Confirmed(name, UUID, each) for name, each in upto.items()}


CASES: dict[str, tuple[Policy, dict[str, Confirmed], list[tuple[int, bool]]]] = {
    "nothing goes without a policy": (Policy(), known(main=30), []),
    "what the one named has goes": (Policy(("main",)), known(main=20), [(1, True), (2, True)]),
    "a file that is had in part stays": (Policy(("main",)), known(main=29), [(1, True), (2, True)]),
    "both named have to have it": (Policy(("a", "b")), known(a=30, b=10), [(1, True)]),
    "one that never said anything keeps all": (Policy(("a", "b")), known(a=30), []),
    "others say nothing": (Policy(("a",)), known(b=30), []),
    "age alone, and nobody has them": (Policy((), 1.5), {}, [(1, False), (2, False)]),
    "age alone, and somebody has the first": (Policy((), 1.5), known(x=10), [(1, True), (2, False)]),
    "age, against those named": (Policy(("a",), 2.5), known(a=0), [(1, False)]),
    "both reasons": (Policy(("a",), 1.5), known(a=10), [(1, True), (2, False)]),
}


@pytest.mark.parametrize("policy, confirmed, wanted", CASES.values(), ids=CASES)
def test_pruned_are(policy: Policy, confirmed: dict[str, Confirmed], wanted: list[tuple[int, bool]]) -> None:
    found = due(FILES, confirmed, policy, DAY * DAY_US, told_upto=30)
    assert [(each.file.number, each.is_confirmed) for each in found] == wanted


def test_a_file_goes_once() -> None:
    gone = [ClosedFile(**{**vars(file), "pruned": True}) for file in FILES]
    assert due(gone, known(main=30), Policy(("main",), 1), DAY * DAY_US, told_upto=30) == []


def test_a_file_with_hops_that_were_not_told_of_goes_by_age_alone() -> None:
    assert [each.file.number for each in due(FILES, known(main=30), Policy(("main",)), 0, told_upto=19)] == [1]
    by_age = due(FILES, known(main=30), Policy(("main",), 1), DAY * DAY_US, told_upto=0)
    assert [each.file.number for each in by_age] == [1, 2]


def test_a_clock_that_was_set_back_makes_no_file_old() -> None:
    assert due(FILES, {}, Policy((), 1), 0, told_upto=30) == []


def test_whoever_is_named_what_goes_without_age_was_confirmed_by_all_of_them() -> None:
    for a, b, told in itertools.product(range(0, 31, 3), range(0, 31, 3), range(0, 40, 5)):
        found = due(FILES, known(a=a, b=b), Policy(("a", "b")), 10**18, told_upto=told)
        assert all(prune == Prune(prune.file, True) and prune.file.last_seq <= min(a, b) for prune in found)


def test_how_long_the_oldest_waits() -> None:
    assert oldest_unconfirmed_us(FILES, known(a=10), Policy(("a",))) == FILES[1].closed_at_us
    assert oldest_unconfirmed_us(FILES, known(a=30), Policy(("a",))) is None
    assert not is_confirmed(FILES[0], {}, Policy())


def test_a_record_is_read_back_and_listed_by_its_name() -> None:
    assert ClosedFile.from_text(FILES[0].to_text()) == FILES[0]
    assert FILES[0].to_json()["name"] == "results-000001.db"
    assert set(FILES[0].to_json()) == {
        "name", "first_seq", "last_seq", "rows", "bytes", "sha256", "closed_at_us", "pruned"
    }
