"""What is said of a look."""

from dataclasses import replace

from hoploom.output_service.collecting.report import AWAY, BLOCKED, COLLECTED, WAITING, Report, StoreRow

GOOD = StoreRow("11111111-a", COLLECTED, upto=7, last_seq=7)
LATE = StoreRow("22222222-b", WAITING, upto=3, last_seq=9, behind=6, waits_s=4.2)
GONE = StoreRow("33333333-c", AWAY, why="it has no instance")
BAD = StoreRow("44444444-d", BLOCKED, why="its file is damaged")


def test_a_text_of_a_check_names_what_is_wrong_and_no_numbers_that_change() -> None:
    assert Report("main", "u", (GOOD,), {}).words() == "collects main: 1 store"
    words = Report("main", "u", (GOOD, LATE, GONE, BAD), {"dc2": "no path"}).words()
    assert words == (
        "collects main: 4 stores, 33333333 away: it has no instance, 44444444 blocked: its file is damaged, "
        "datacenter dc2 is away"
    )


def test_what_is_lost_for_good_and_what_came_twice_is_said() -> None:
    words = Report("main", "u", (replace(GOOD, lost=3, conflicts=1),), {}).words()
    assert words.endswith(
        "11111111: 3 batches were pruned before they were collected and 1 batches are there with other content"
    )


def test_it_is_whole_only_when_every_store_was_heard_and_has_nothing_more() -> None:
    assert Report("main", "u", (GOOD, GOOD), {}).is_whole
    assert not any(Report("main", "u", (GOOD, each), {}).is_whole for each in (LATE, GONE, BAD))
    assert not Report("main", "u", (GOOD,), {"dc2": "no path"}).is_whole


def test_a_page_has_it_all() -> None:
    found = Report("main", "u", (LATE,), {"dc2": "no path"}).to_json()
    assert (found["data_set"], found["uuid"], found["whole"], found["away"]) == ("main", "u", False, {"dc2": "no path"})
    assert (found["stores"][0]["behind"], found["stores"][0]["state"]) == (6, "waiting")
