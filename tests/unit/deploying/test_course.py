"""The machine's turns that a simulation does not single out."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.deploying.course import PATIENCE, step
from hoploom.deploying.gate import Group, Verdict
from hoploom.deploying.happenings import (
    Begun,
    Blind,
    Broken,
    Clear,
    Command,
    End,
    Event,
    Forget,
    GiveUp,
    Hush,
    Interrupted,
    Judged,
    Note,
    Ousted,
    Promote,
    Revert,
    Seen,
    Share,
    Stop,
    Submit,
    Submitted,
    Tell,
    Watch,
)
from hoploom.deploying.job_records import Deployment
from hoploom.deploying.sight import Member, Road, Sight, Step
from hoploom.deploying.standing import Course, Phase

STEPS = (Step(0.1, 10.0), Step(1.0, 10.0))
ROAD = Road("1.4.1", frozenset({"1.4.0"}), ("dc1", "dc2"), STEPS, beside=True, count=1)
ROLLED = replace(ROAD, steps=(), beside=False, count=2)
OLD, NEW = Member("old-1", "1.4.0"), Member("new-1", "1.4.1")
OPEN = Deployment("d", 4, "running", "", promoted=False)
NOW = Sight((OLD, NEW), 4, "1.4.1", OPEN)


def verdict(requests: int, errors: int = 0, *, ok: bool = True, enough: bool = True) -> Verdict:
    return Verdict(ok, enough, Group(requests, errors, 30.0), Group(900, 0, 30.0), "so it is")


def at(phase: Phase, road: Road = ROAD) -> Course:
    return Course(road, phase, number=4)


def done(commands: list[Command]) -> list[Command]:
    """What is to be done, without what is said and kept."""
    return [each for each in commands if not isinstance(each, Tell | Note | Stop)]


def test_nothing_is_submitted_before_every_router_gives_the_new_version_nothing() -> None:
    course, commands = step(Course(ROAD), Begun(), 0.0)
    assert (course.phase, done(commands)) == (Phase.HUSHING, [Hush("dc1"), Hush("dc2")])


def test_where_nothing_is_shared_it_is_submitted_at_once() -> None:
    course, commands = step(Course(ROLLED), Begun(), 0.0)
    assert (course.phase, done(commands)) == (Phase.SUBMITTING, [Submit()])
    course, commands = step(course, Submitted(4), 0.0)
    assert (course.phase, done(commands)) == (Phase.ROLLING, [Watch("dc1"), Watch("dc2")])


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (Seen(replace(NOW, deployment=replace(OPEN, status="failed", words="unhealthy"), trouble="exit 1")), "exit 1"),
        (Seen(replace(NOW, number=5)), "somebody has submitted another version"),
        (Blind("nothing was seen"), "nothing was seen"),
        (Interrupted(), "stopped by hand"),
    ],
)
@pytest.mark.parametrize("phase", [Phase.RISING, Phase.MOVING, Phase.WATCHING])
def test_what_speaks_against_it_takes_it_back_at_once(event: Event, why: str, phase: Phase) -> None:
    course, commands = step(at(phase), event, 1.0)
    assert course.phase is Phase.SILENCING and why in course.why
    assert commands[0] == Stop() and done(commands) == [Hush("dc1"), Hush("dc2")]


def test_the_datacenter_that_has_requests_is_silenced_first() -> None:
    _, commands = step(replace(at(Phase.WATCHING), dc=1), Interrupted(), 1.0)
    assert done(commands) == [Hush("dc2"), Hush("dc1")]


def test_no_instance_left_takes_it_back() -> None:
    sight = replace(NOW, members=(OLD, replace(NEW, passing=False)))
    assert "no instance of 1.4.1" in step(at(Phase.WATCHING), Seen(sight), 1.0)[0].why


@pytest.mark.parametrize(
    ("words", "seconds", "said", "phase"),
    [
        ("its time is not over", 9.0, verdict(500), Phase.WATCHING),
        ("it goes on", 10.0, verdict(500), Phase.MOVING),
        ("too few requests are waited for", 10.0, verdict(5, enough=False), Phase.WATCHING),
        ("and for no longer than this", 10.0 * PATIENCE, verdict(5, enough=False), Phase.MOVING),
        ("then none may have failed", 10.0 * PATIENCE, verdict(5, 1, enough=False), Phase.SILENCING),
        ("a breach does not wait", 0.1, verdict(50, 9, ok=False), Phase.SILENCING),
    ],
)
def test_a_step_ends(words: str, seconds: float, said: Verdict, phase: Phase) -> None:
    assert step(at(Phase.WATCHING), Judged("dc1", said), seconds)[0].phase is phase, words


def test_the_datacenter_ahead_goes_on_being_watched() -> None:
    course = replace(at(Phase.WATCHING), dc=1)
    assert step(course, Judged("dc1", verdict(50, 9, ok=False)), 1.0)[0].phase is Phase.SILENCING
    assert step(course, Judged("dc3", verdict(50, 9, ok=False)), 1.0)[0].phase is Phase.WATCHING


def test_the_last_share_of_the_last_datacenter_is_followed_by_promotion() -> None:
    course = replace(at(Phase.WATCHING), dc=1, step=1)
    course, commands = step(course, Judged("dc2", verdict(500)), 10.0)
    assert (course.phase, done(commands)) == (Phase.PROMOTING, [Promote()])


def test_a_promotion_that_was_not_heard_is_said_again() -> None:
    course, commands = step(at(Phase.PROMOTING), Seen(NOW), 3.0)
    assert (course.phase, done(commands)) == (Phase.PROMOTING, [Promote()])
    assert step(course, Seen(NOW), 4.0)[1] == []
    assert step(course, Seen(replace(NOW, deployment=replace(OPEN, promoted=True))), 4.0)[0].phase is Phase.DRAINING


@pytest.mark.parametrize(("unknown", "phase"), [(True, Phase.PROMOTING), (False, Phase.SILENCING)])
def test_a_promotion_that_is_refused_takes_it_back(unknown: bool, phase: Phase) -> None:
    assert step(at(Phase.PROMOTING), Broken(Promote(), "no", unknown), 1.0)[0].phase is phase


def test_a_hand_on_ctrl_c_waits_for_nomads_answer_to_the_submission() -> None:
    course, commands = step(at(Phase.SUBMITTING), Interrupted(), 1.0)
    assert (course.phase, commands) == (Phase.SUBMITTING, [])
    assert step(course, Submitted(4), 2.0)[0].phase is Phase.SILENCING


@pytest.mark.parametrize(("unknown", "number"), [(True, 0), (False, -1)])
def test_a_submission_whose_end_is_not_known_is_taken_back_at_nomad_too(unknown: bool, number: int) -> None:
    course, _ = step(replace(at(Phase.SUBMITTING), number=-1), Broken(Submit(), "no", unknown), 1.0)
    assert (course.phase, course.number) == (Phase.SILENCING, number)


def test_after_promotion_one_ctrl_c_is_patience_and_two_leave_it() -> None:
    course, commands = step(at(Phase.DRAINING), Interrupted(), 1.0)
    assert isinstance(commands[0], Tell) and course.phase is Phase.DRAINING
    course, commands = step(course, Interrupted(), 2.0)
    assert course.phase is Phase.DONE and commands[-1] == End(1) and Forget() not in commands


@pytest.mark.parametrize("phase", [Phase.RISING, Phase.DRAINING, Phase.FALLING])
def test_whoever_has_lost_the_lock_does_nothing_more(phase: Phase) -> None:
    course, commands = step(at(phase), Ousted("bob"), 1.0)
    assert course.phase is Phase.DONE and done(commands) == [End(1)]


def test_old_instances_that_do_not_go_leave_it_in_the_middle() -> None:
    course, commands = step(at(Phase.DRAINING), Seen(NOW), 121.0)
    assert course.phase is Phase.DONE and Forget() not in commands and End(1) in commands


def test_weights_are_cleared_when_the_old_instances_have_gone() -> None:
    assert step(at(Phase.DRAINING), Seen(NOW), 1.0)[1] == []
    course, commands = step(at(Phase.DRAINING), Seen(replace(NOW, members=(NEW,))), 1.0)
    assert (course.phase, done(commands)) == (Phase.TIDYING, [Clear("dc1"), Clear("dc2")])


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        (NOW, [GiveUp()]),
        (replace(NOW, deployment=replace(OPEN, status="failed")), [Revert()]),
        (replace(NOW, runs="1.4.0"), [GiveUp()]),
        (replace(NOW, runs="1.4.0", deployment=None), []),
        (replace(NOW, runs="1.4.0", members=(OLD,)), [Clear("dc1"), Clear("dc2")]),
    ],
)
def test_what_nomad_does_not_do_it_is_told_again(sight: Sight, expected: list[Command]) -> None:
    assert done(step(at(Phase.FALLING), Seen(sight), 5.0)[1]) == expected


def test_rolled_instances_have_to_be_back_before_it_is_over() -> None:
    one = Sight((OLD,), 5, "1.4.0")
    assert step(at(Phase.FALLING, ROLLED), Seen(one), 1.0)[0].phase is Phase.FALLING
    two = replace(one, members=(OLD, replace(OLD, id="old-2")))
    course, commands = step(at(Phase.FALLING, ROLLED), Seen(two), 1.0)
    assert course.phase is Phase.DONE and done(commands) == [Forget(), End(1)]


def test_rolled_instances_are_told_one_by_one() -> None:
    course, commands = step(at(Phase.ROLLING, ROLLED), Seen(replace(NOW, members=(OLD, NEW))), 1.0)
    assert [each.facts["number"] for each in commands if isinstance(each, Tell)] == [1]
    both = replace(NOW, members=(NEW, replace(NEW, id="new-2")))
    course, commands = step(course, Seen(both), 2.0)
    assert course.phase is Phase.DONE and done(commands) == [Forget(), End(0)]


def test_without_shares_promotion_follows_when_all_are_up() -> None:
    course, commands = step(at(Phase.RISING, replace(ROAD, steps=())), Seen(NOW), 1.0)
    assert (course.phase, done(commands)) == (Phase.PROMOTING, [Promote()])


@pytest.mark.parametrize(
    "member", [replace(NEW, passing=False), replace(NEW, routers=2, listed=1), replace(NEW, healthy=None)]
)
def test_what_is_not_up_everywhere_gets_nothing(member: Member) -> None:
    course, commands = step(at(Phase.RISING), Seen(replace(NOW, members=(OLD, member))), 1.0)
    assert (course.phase, commands) == (Phase.RISING, [])
    assert step(course, Seen(replace(NOW, members=(OLD, member))), 121.0)[0].phase is Phase.SILENCING


def said(commands: list[Command], what: str) -> list[Any]:
    return [each.facts for each in commands if isinstance(each, Tell) and each.what == what]


def test_what_never_came_up_is_quoted_and_its_log_is_named() -> None:
    ill = replace(NEW, passing=False, words="ready: the database does not answer")
    _, commands = step(at(Phase.RISING), Seen(replace(NOW, members=(OLD, ill))), 121.0)
    [why] = said(commands, "back")
    assert why["why"] == "0 of 1 new instances were up after 120 s: ready: the database does not answer"
    assert said(commands, "logs") == [{"id": "new-1"}]
    silent = replace(ill, id="allocation 1", dc="", words="")
    assert said(step(at(Phase.RISING), Seen(replace(NOW, members=(OLD, silent))), 121.0)[1], "logs") == []


def test_after_a_breach_the_log_of_a_new_instance_is_named() -> None:
    watched = replace(at(Phase.WATCHING), told=frozenset({"new-1", "new-2"}))
    assert said(step(watched, Judged("dc1", verdict(100, 9, ok=False)), 1.0)[1], "logs") == [{"id": "new-1"}]


def test_a_datacenter_without_a_new_instance_takes_it_back_before_anybody_is_asked() -> None:
    both = replace(NOW, members=(OLD, replace(OLD, id="old-2", dc="dc2"), NEW))
    course, _ = step(at(Phase.RISING), Seen(both), 1.0)
    assert course.phase is Phase.SILENCING and "no new instance in dc2" in course.why, course.why
    elsewhere = replace(both, members=(*both.members[:2], replace(NEW, id="new-2", dc="dc2"), NEW))
    assert step(at(Phase.RISING), Seen(elsewhere), 1.0)[0].phase is Phase.MOVING


def test_all_up_moves_the_first_share() -> None:
    course, commands = step(at(Phase.RISING), Seen(NOW), 1.0)
    assert (course.phase, done(commands)) == (Phase.MOVING, [Share("dc1", 0.1)])
