"""Who follows, who owes, who is stalled: flips and looks at tables."""

import pytest

from hoploom.manager.auditing import following
from hoploom.manager.auditing.following import OFFSETS_S, Course, Look

BEGUN = following.joined(following.begin(0.0), ["a"])


def seen(course: Course, at_s: float, shows: bool | None) -> tuple[Course, float | None]:
    return following.looked(course, "a", Look(at_s, at_s + 0.01, shows, "hangs" if shows is None else ""))


def turned(course: Course, at_s: float) -> Course:
    return following.known(following.flipped(course, at_s), at_s + 0.01)


def down() -> Course:
    """The canary is down, and the router shows that."""
    return seen(BEGUN, 1.0, False)[0]


def stalled(course: Course, now_s: float) -> bool:
    return following.judged(course, now_s, 10.0).followers["a"].stalled


def test_both_directions_are_timed_from_the_flip_to_the_table_that_shows_it() -> None:
    course, seconds = seen(turned(down(), 10.0), 10.2, True)
    assert seconds == pytest.approx(0.21)
    course, seconds = seen(turned(course, 20.0), 20.4, False)
    assert seconds == pytest.approx(0.41) and course.followers["a"].debt is None


def test_a_look_that_began_before_the_flip_says_nothing() -> None:
    course = turned(down(), 10.0)
    assert following.looked(course, "a", Look(9.9, 10.1, True)) == (course, None)


def test_a_table_that_stands_still_is_not_paid_by_what_it_shows_at_every_second_flip() -> None:
    course = turned(down(), 10.0)
    course = turned(following.judged(seen(course, 19.0, False)[0], 21.0, 10.0), 21.0)
    course, seconds = seen(course, 22.0, False)
    assert seconds is None and course.followers["a"].stalled and course.followers["a"].debt
    course = turned(course, 31.0)
    course, seconds = seen(course, 31.5, True)
    assert not course.followers["a"].stalled and seconds == pytest.approx(21.51), "since the first that it missed"


def test_who_does_not_answer_has_shown_nothing_and_is_stalled_in_the_same_time() -> None:
    course, seconds = seen(turned(down(), 10.0), 11.0, None)
    assert (seconds, course.followers["a"].away, stalled(course, 20.0), stalled(course, 20.1)) == (
        None, "hangs", False, True
    )  # fmt: skip
    assert seen(course, 20.5, True)[0].followers["a"].away == ""


def test_nobody_is_stalled_by_what_consul_does_not_show() -> None:
    course = following.flipped(down(), 10.0)
    assert not stalled(course, 100.0)
    assert not stalled(following.known(course, 100.0), 109.9) and stalled(following.known(course, 100.0), 110.0)


def test_time_in_which_this_process_stood_still_is_nobodys() -> None:
    course = following.slept(turned(down(), 10.0), 70.0)
    assert not stalled(course, 79.0) and stalled(course, 80.0)
    course, seconds = seen(course, 71.0, True)
    assert seconds is None and course.followers["a"].debt is None
    course = following.slept(course, 200.0)
    assert seen(turned(course, 201.0), 201.1, False)[1] is None, "it may have turned by itself"


def test_a_call_without_an_answer_may_have_turned_it_earlier() -> None:
    course = following.flipped(down(), 10.0, counts=False)
    course, seconds = seen(course, 10.1, True)
    assert seconds is None and course.followers["a"].debt is None


def test_who_shows_it_already_owes_nothing() -> None:
    course, _ = seen(down(), 2.0, True)
    assert turned(course, 10.0).followers["a"].debt is None


def test_who_comes_owes_nothing_before_the_next_flip_and_who_left_is_forgotten() -> None:
    course = following.joined(turned(down(), 10.0), ["b"])
    assert list(course.followers) == ["b"] and course.followers["b"].debt is None
    assert following.wants_reading(course, "b") and not following.wants_reading(course, "a")
    course = turned(course, 20.0)
    assert course.followers["b"].debt
    course, seconds = following.looked(course, "b", Look(20.5, 20.6, False))
    assert seconds is None and course.followers["b"].debt is None


@pytest.mark.parametrize(
    ("course", "now_s", "due"),
    [
        (down(), 9.9, False), (down(), 10.0, True),
        (turned(down(), 10.0), 25.0, False),
        (following.judged(turned(down(), 10.0), 20.1, 10.0), 20.1, True),
        (following.flipped(down(), 10.0), 100.0, False),
    ],
    ids=["too early", "in time", "somebody owes", "who owes is stalled", "Consul does not show it"],
)  # fmt: skip
def test_the_next_flip_waits_for_who_may_still_follow(course: Course, now_s: float, due: bool) -> None:
    assert following.due(course, now_s, 10.0) is due


def test_looks_are_dense_where_routers_follow_and_never_more_than_one_a_second() -> None:
    times, at_s = list[float](), 0.0
    while at_s < 60:
        times.append(round(at_s := at_s + following.next_read_s(at_s), 6))
    assert times[:9] == [*OFFSETS_S, 3.0, 6.0] and times[-1] == 60.0
    both = [*(each for each in times if each < 10), *(each + 10 for each in times)]
    assert max(sum(begin <= each < begin + 10 for each in both) for begin in both) <= 10
