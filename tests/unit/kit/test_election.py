"""A candidate, event by event."""

from dataclasses import replace

import pytest

from hoploom.kit.election import (
    HOLD_OFF_S,
    RETRY_S,
    UNKNOWN_S,
    Begin,
    Candidate,
    Command,
    End,
    Event,
    Phase,
    Refused,
    Release,
    Seen,
    Session,
    Tick,
    Try,
    Unknown,
    Withdraw,
    Won,
    step,
)
from hoploom.kit.session import Token

ALIVE = Session("mine", 1000.0)
TOKEN = Token(0, 7)


def after(*events: tuple[float, Event], fenced: bool = True) -> tuple[Candidate, list[Command]]:
    """A candidate after these events, and all commands on the way."""
    state = Candidate(fenced=fenced)
    found: list[Command] = []
    for now_s, event in events:
        state, commands = step(state, event, now_s)
        found += commands
    return state, found


FREE = (0.0, Seen())
BEGUN = (FREE, (0.0, ALIVE), (0.1, Won(TOKEN)))


def test_a_free_lock_is_tried_when_there_is_a_session_and_then_it_leads() -> None:
    state, commands = after(*BEGUN)
    assert commands == [Try(), Begin(TOKEN)] and state.phase is Phase.LEADING


@pytest.mark.parametrize(
    "events",
    [
        [FREE],
        [(0.0, ALIVE)],
        [FREE, (0.0, Session("", float("-inf")))],
        [FREE, (1000.0, ALIVE)],
        [(0.0, Seen("theirs", 3)), (0.0, ALIVE)],
    ],
    ids=["no session", "nothing seen", "an ended session", "a session past its deadline", "another holds it"],
)
def test_it_does_not_try_without_reason(events: list[tuple[float, Event]]) -> None:
    assert after(*events)[1] == []


def test_a_lock_that_its_own_session_holds_is_taken_again() -> None:
    """The answer to the try was lost."""
    assert after((0.0, Seen("mine", 3)), (0.0, ALIVE))[1] == [Try()]


@pytest.mark.parametrize(("answer", "pause_s"), [(Refused(), RETRY_S), (Unknown(), UNKNOWN_S)])
def test_a_try_that_failed_is_repeated_by_a_timer(answer: Event, pause_s: float) -> None:
    state, _ = after(FREE, (0.0, ALIVE), (0.0, answer))
    assert step(state, Tick(), pause_s - 0.01)[1] == ()
    assert step(state, Tick(), pause_s)[1] == (Try(),)


def test_a_term_ends_at_its_own_deadline_and_not_by_silence_before() -> None:
    state, _ = after(*BEGUN)
    assert step(state, Tick(), 999.9)[1] == ()
    ended, commands = step(state, Tick(), 1000.0)
    assert commands == (End("the session was not renewed in time"),) and ended.phase is Phase.FOLLOWING


def test_a_renewal_moves_the_deadline() -> None:
    state, _ = after(*BEGUN, (500.0, Session("mine", 2000.0)))
    assert step(state, Tick(), 1500.0)[1] == ()


def test_another_session_ends_the_term_at_once() -> None:
    assert after(*BEGUN, (5.0, Session("", float("-inf"))))[1][-1] == End("the session has ended")


def test_a_lock_that_is_another_s_ends_the_term_and_an_old_look_does_not() -> None:
    assert after(*BEGUN, (5.0, Seen("", 6)), (5.0, Seen("before", 5)))[1] == [Try(), Begin(TOKEN)]
    assert after(*BEGUN, (5.0, Seen("theirs", 8)))[1][-1] == End("the lock is another's")


def test_where_nothing_is_fenced_it_waits_for_the_former_leader_s_belief_to_end() -> None:
    state, commands = after((0.0, Seen("", 3, graceful=False)), (0.0, ALIVE), (1.0, Won(TOKEN)), fenced=False)
    assert commands == [Try()] and state.phase is Phase.HOLDING_OFF
    assert step(state, Tick(), 1.0 + HOLD_OFF_S - 0.01)[1] == ()
    assert step(state, Tick(), 1.0 + HOLD_OFF_S)[1] == (Begin(TOKEN),)


def test_nobody_is_waited_for_who_said_goodbye() -> None:
    left = (0.0, Seen("", 3, graceful=True))
    assert after(left, (0.0, ALIVE), (1.0, Won(TOKEN)), fenced=False)[1][-1] == Begin(TOKEN)


def test_what_is_lost_while_it_holds_off_never_begins() -> None:
    state, _ = after((0.0, Seen("", 3, graceful=False)), (0.0, ALIVE), (1.0, Won(TOKEN)), fenced=False)
    state, commands = step(state, Session("other", 2000.0), 2.0)
    assert commands == () or commands == (Try(),)
    assert Begin(TOKEN) not in step(state, Tick(), 1.0 + HOLD_OFF_S)[1]


def test_a_win_after_the_session_s_deadline_does_not_begin() -> None:
    state, commands = after(FREE, (0.0, ALIVE), (1000.0, Won(TOKEN)))
    assert commands == [Try()] and state.phase is Phase.FOLLOWING


def test_withdrawing_ends_and_releases_and_is_final() -> None:
    state, commands = after(*BEGUN, (5.0, Withdraw()))
    assert commands[2:] == [End("this instance hands over"), Release()]
    assert step(state, Seen(), 6.0) == (state, ()) and step(state, Tick(), 7.0) == (state, ())


def test_a_win_that_comes_after_withdrawing_is_given_back() -> None:
    state, _ = after(FREE, (0.0, ALIVE), (0.0, Withdraw()))
    assert step(state, Won(TOKEN), 0.1) == (state, (Release(),))
    assert replace(state, phase=Phase.FOLLOWING) != state
