"""A failure's story is told by the second, with what was done around it and nothing else."""

from lab.deploys_diary import Happened
from lab.deploys_outcome import Outcome, Stretch
from lab.deploys_story import MOST, story
from vegeta import Account, Sent

BEGAN_S = 1000.25


def sent(after_s: float, code: int = 200, *, is_kept: bool = True) -> Sent:
    url = "http://127.0.0.1:9999/orders"
    return Sent(BEGAN_S + after_s, 0.01, "POST", url, code, "", is_kept, code == 200)


def outcome(*during: Sent, happened: tuple[tuple[float, str], ...] = ()) -> Outcome:
    done = tuple(Happened(BEGAN_S + after_s, words) for after_s, words in happened)
    quiet = Stretch(Account((sent(-3.0),)))
    return Outcome("a", "orders deployed", quiet, Stretch(Account(during)), "nothing", done, BEGAN_S)


def test_where_nothing_failed_there_is_none() -> None:
    assert story(outcome(sent(1), sent(2), happened=((1.5, "an instance ends"),))) == []


def test_failures_of_one_second_stand_behind_what_was_done() -> None:
    done = ((2.0, "far before"), (8.5, "an instance ends"), (12.1, "far behind"))
    lines = story(outcome(*(sent(9.1, 502) for _ in range(3)), sent(9.2, 404, is_kept=False), sent(9.3), happened=done))
    failed = "FAILED 3 x POST /orders 502 (kept), 1 x POST /orders 404 (new)"
    assert lines == ["    +8.5 s  an instance ends", f"    +9   s  {failed}"]


def test_between_two_stories_something_is_left_out() -> None:
    assert story(outcome(sent(1, 502), sent(30, 502)))[1].strip() == "..."


def test_a_failure_of_the_quiet_stretch_is_told_too() -> None:
    bad = Outcome("a", "", Stretch(Account((sent(-3.5, 502),))), Stretch(Account(())), began_s=BEGAN_S)
    assert story(bad) == ["    -4   s  FAILED 1 x POST /orders 502 (kept)"]


def test_a_long_story_is_cut() -> None:
    lines = story(outcome(*(sent(second, 502) for second in range(200))))
    assert len(lines) == MOST + 1
    assert lines[-1] == "... and 160 lines more"
