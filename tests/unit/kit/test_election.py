"""A candidate, event by event."""

import pytest

from hoploom.kit.belief import MARGIN_S, TTL_S, Token
from hoploom.kit.election import (
    CLOSED,
    HOLD_OFF_S,
    NO_SESSION,
    RETRY_S,
    TOO_LATE,
    TOUCHED,
    UNKNOWN_S,
    Begin,
    Candidate,
    Close,
    Command,
    Confirmed,
    End,
    Event,
    Leave,
    Moment,
    Refused,
    Release,
    Seen,
    Tick,
    Try,
    Unknown,
    Want,
    Won,
    step,
)

TOKEN = Token(0, 7)
FREE, LEFT = Seen(index=3, at=3), Seen(index=3, left=True, at=3)
NOBODY = Seen(at=3)
LATE_S = TTL_S - MARGIN_S


def alive(now_s: float) -> Moment:
    return Moment(now_s, "mine", 1000.0)


def after(*events: tuple[float, Event], fenced: bool = True) -> tuple[Candidate, list[Command]]:
    """A candidate with a good session after these events, and all commands on the way."""
    state = Candidate(fenced=fenced)
    found: list[Command] = []
    for now_s, event in events:
        state, commands = step(state, event, alive(now_s))
        found += commands
    return state, found


BEGUN = ((0.0, FREE), (0.0, Want()), (0.1, Won(TOKEN)))
HOLDING_OFF = ((0.0, FREE), (0.0, Want()), (1.0, Won(TOKEN)))


@pytest.mark.parametrize("seen", [FREE, LEFT, NOBODY], ids=["freed", "left", "never there"])
def test_a_free_lock_that_is_wanted_is_tried_as_it_was_seen_and_then_it_leads(seen: Seen) -> None:
    assert after((0.0, seen), (0.0, Want()), (0.1, Won(TOKEN)))[1] == [Try(seen.index), Begin(TOKEN)]


@pytest.mark.parametrize(
    ("events", "moment"),
    [
        ([FREE], alive(0.0)),
        ([Want()], alive(0.0)),
        ([FREE, Want()], Moment(0.0)),
        ([FREE, Want()], alive(1000.0)),
        ([Seen("theirs", 3, at=3), Want()], alive(0.0)),
        ([FREE, Close(), Want()], alive(0.0)),
    ],
    ids=["not wanted", "nothing seen", "no session", "past its deadline", "another holds it", "about to end"],
)
def test_it_does_not_try_without_reason(events: list[Event], moment: Moment) -> None:
    state = Candidate(fenced=True)
    for event in events:
        state, commands = step(state, event, moment)
        assert commands == ()


def test_a_lock_that_its_own_session_holds_is_taken_again_or_given_back() -> None:
    """The answer to the try, or to the release, was lost."""
    own = Seen("mine", 3, at=3)
    assert after((0.0, Want()), (0.0, own))[1] == [Try(3)]
    assert after((0.0, own))[1] == [Release(3, left=False)]


@pytest.mark.parametrize(("answer", "pause_s"), [(Refused(), RETRY_S), (Unknown(), UNKNOWN_S)])
def test_a_try_that_failed_is_repeated_by_a_timer(answer: Event, pause_s: float) -> None:
    state, _ = after((0.0, FREE), (0.0, Want()), (0.0, answer))
    assert step(state, Tick(), alive(pause_s - 0.01))[1] == ()
    assert step(state, Tick(), alive(pause_s))[1] == (Try(3),)


ENDS: list[tuple[str, Event, Moment, str]] = [
    ("its deadline passes", Tick(), alive(1000.0), TOO_LATE),
    ("its session is gone", Tick(), Moment(5.0), NO_SESSION),
    ("it has another session", Tick(), Moment(5.0, "other", 1000.0), NO_SESSION),
    ("another holds the lock", Seen("theirs", 8, at=8), alive(5.0), TOUCHED),
    ("somebody has written to the lock", Seen("mine", 8, at=8), alive(5.0), TOUCHED),
    ("the lock was deleted", Seen(at=8), alive(5.0), TOUCHED),
    ("the process is about to end", Close(), alive(5.0), CLOSED),
]


@pytest.mark.parametrize(("what", "event", "moment", "why"), ENDS, ids=[each[0] for each in ENDS])
def test_a_term_ends_once_when(what: str, event: Event, moment: Moment, why: str) -> None:
    ended, commands = step(after(*BEGUN)[0], event, moment)
    assert commands == (End(why),), what
    assert step(ended, event, moment)[1] == ()


STAYS: list[tuple[str, Event, Moment]] = [
    ("the deadline is near", Tick(), alive(999.9)),
    ("the deadline has moved", Tick(), Moment(1500.0, "mine", 2000.0)),
    ("an old look comes late", Seen("before", 6, at=6), alive(5.0)),
    ("an old look at no key comes late", Seen(at=6), alive(5.0)),
    ("the watch shows its own acquisition", Seen("mine", 7, at=9), alive(5.0)),
]


@pytest.mark.parametrize(("what", "event", "moment"), STAYS, ids=[each[0] for each in STAYS])
def test_a_term_goes_on_when(what: str, event: Event, moment: Moment) -> None:
    assert step(after(*BEGUN)[0], event, moment)[1] == (), what


def test_after_its_end_it_tries_again_only_when_nothing_is_under_way() -> None:
    state, commands = after(*BEGUN, (5.0, Seen("", 8, at=8)), (6.0, Tick()))
    assert commands[-1] == End(TOUCHED)
    state, commands_ = step(state, Leave(), alive(7.0))
    assert commands_ == () and step(state, Want(), alive(7.0))[1] == (Try(8),)


def test_a_term_that_ended_for_want_of_a_renewal_goes_on_with_its_token_when_there_is_one() -> None:
    state, _ = step(after(*BEGUN)[0], Tick(), alive(1000.0))
    for event in (Leave(), Want()):
        state, commands = step(state, event, alive(1000.0))
        assert commands == ()
    assert step(state, Tick(), Moment(1001.0, "mine", 2000.0))[1] == (Begin(TOKEN),)


@pytest.mark.parametrize("seen", [FREE, NOBODY], ids=["freed without a word", "deleted"])
def test_where_nothing_is_fenced_it_waits_for_the_former_leader_s_last_effect(seen: Seen) -> None:
    state, commands = after((0.0, seen), (0.0, Want()), (1.0, Won(TOKEN)), (10.5, Confirmed(10.0)), fenced=False)
    assert commands == [Try(seen.index)]
    assert step(state, Tick(), alive(1.0 + HOLD_OFF_S - 0.01))[1] == ()
    assert step(state, Tick(), alive(1.0 + HOLD_OFF_S))[1] == (Begin(TOKEN),)


def test_nobody_is_waited_for_who_said_that_it_left() -> None:
    assert after((0.0, LEFT), (0.0, Want()), (1.0, Won(TOKEN)), fenced=False)[1][-1] == Begin(TOKEN)


def test_what_is_lost_while_it_holds_off_never_begins() -> None:
    state, _ = after(*HOLDING_OFF, (10.5, Confirmed(10.0)), fenced=False)
    state, _ = step(state, Tick(), Moment(5.0, "other", 1000.0))
    assert Begin(TOKEN) not in step(state, Tick(), alive(1.0 + HOLD_OFF_S))[1]


def test_where_nothing_is_fenced_a_term_needs_a_look_at_the_lock_now_and_then() -> None:
    begun, _ = after((0.0, LEFT), (0.0, Want()), (1.0, Won(TOKEN)), fenced=False)
    assert step(begun, Tick(), alive(LATE_S - 0.01))[1] == ()
    assert step(begun, Tick(), alive(LATE_S))[1] == (End(TOO_LATE),)
    looked, _ = step(begun, Confirmed(5.0), alive(6.0))
    assert step(looked, Confirmed(2.0), alive(6.5))[0].bound_s == 5.0 + LATE_S
    assert after(*BEGUN)[0].bound_s == float("inf")


def test_a_win_of_a_session_that_has_ended_does_not_begin() -> None:
    state, _ = after((0.0, FREE), (0.0, Want()))
    state, commands = step(state, Won(TOKEN), Moment(1.0, "other", 1000.0))
    assert Begin(TOKEN) not in commands


def test_it_says_that_it_left_when_its_block_is_over_and_lets_others_first() -> None:
    state, commands = after(*BEGUN, (5.0, Leave()), (5.0, Seen("", 8, left=True, at=8)), (5.0, Want()))
    assert commands[2:] == [Release(7, left=True)] and state.at_rest
    assert step(state, Tick(), alive(5.0 + RETRY_S))[1] == (Try(8),)


@pytest.mark.parametrize("event", [Leave(), Close()])
def test_who_has_not_waited_long_enough_does_not_say_that_it_left(event: Event) -> None:
    assert after(*HOLDING_OFF, (2.0, event), fenced=False)[1][-1] == Release(7, left=False)


def test_closing_releases_when_nothing_is_under_way_and_is_final() -> None:
    state, commands = after(*BEGUN, (5.0, Close()), (6.0, Tick()))
    assert commands[2:] == [End(CLOSED)] and not state.at_rest
    state, left = step(state, Leave(), Moment(7.0, "mine", 6.0))
    assert left == (Release(7, left=True),) and state.at_rest
    for event in (Want(), Seen("", 8, left=True, at=8)):
        state, commands_ = step(state, event, alive(8.0))
        assert commands_ == ()


def test_a_win_that_nobody_wants_any_more_is_given_back() -> None:
    state, _ = after((0.0, FREE), (0.0, Want()), (0.0, Leave()))
    assert not state.at_rest and step(state, Won(TOKEN), alive(0.1))[1] == (Release(7, left=True),)
