"""Good histories pass; each bad one is found out."""

from collections.abc import Sequence

import pytest

from lab.check_leadership import (
    Effect,
    Overlap,
    effects_of,
    fallen_back,
    gaps,
    late_beliefs,
    overlaps,
    shared,
    stops,
    tenures,
    unearned,
    unexplained_locks,
)
from lab.history import FAIL, OK, Event, Token
from lab.intervals import Span

A, B = ("a", 1), ("b", 1)


def effect(order: int, index: int, life: tuple[str, int] = A, *, accepted: bool = True, epoch: int = 0) -> Effect:
    return Effect(order, "r", Token(epoch, index), life, accepted, float(order))


def event(op: str, t: float, who: tuple[str, int] = A, **more: object) -> Event:
    given = {"ph": OK, "key": "r", "seq": 0, **more}
    return Event(proc=who[0], boot=who[1], op=op, t=t, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("effects", "wrong"),
    [
        ([], 0),
        ([effect(0, 5), effect(1, 5), effect(2, 7, B)], 0),
        # The resource's order counts, not that of the list.
        ([effect(2, 7, B), effect(0, 5), effect(1, 5)], 0),
        ([effect(0, 7, B), effect(1, 5, accepted=False)], 0),
        ([effect(0, 9), effect(1, 5, B, epoch=1)], 0),
        ([effect(0, 5), effect(1, 7, B), effect(2, 5)], 1),
        # Every one of a zombie's effects is one too many.
        ([effect(0, 5), effect(1, 7, B), effect(2, 5), effect(3, 7, B), effect(4, 5)], 2),
        ([effect(0, 5, epoch=1), effect(1, 9, B)], 1),
    ],
)
def test_accepted_effects_never_fall_back_in_token(effects: Sequence[Effect], wrong: int) -> None:
    assert len(fallen_back(effects)) == wrong


def test_roles_have_tokens_of_their_own() -> None:
    other = Effect(1, "q", Token(0, 3), B)
    assert fallen_back([effect(0, 5), other]) == []


@pytest.mark.parametrize(
    ("effects", "wrong"),
    [
        ([effect(0, 5), effect(1, 5), effect(2, 7, B)], 0),
        ([effect(0, 5), effect(1, 5, B, accepted=False)], 0),
        ([effect(0, 5), effect(1, 5, B)], 1),
        ([effect(0, 5, ("a", 1)), effect(1, 5, ("a", 2))], 1),
    ],
)
def test_a_token_is_used_by_one_life(effects: Sequence[Effect], wrong: int) -> None:
    assert len(shared(effects)) == wrong


@pytest.mark.parametrize(
    ("effects", "wrong"),
    [
        ([effect(0, 5), effect(1, 5)], 0),
        ([effect(0, 6, accepted=False)], 0),
        ([effect(0, 6), effect(1, 6)], 1),
        ([effect(0, 5, B)], 1),
        ([effect(0, 5, ("a", 2))], 1),
        ([effect(0, 5, epoch=1)], 1),
    ],
)
def test_an_accepted_token_was_given_to_that_life(effects: Sequence[Effect], wrong: int) -> None:
    tries = [event("acquire", 1, token="0.5"), event("acquire", 1, ph=FAIL, token="0.6")]
    assert len(unearned(effects, tries)) == wrong


def believed(who: tuple[str, int], token: str, *times: float) -> list[Event]:
    first, *rest = times
    return [event("acquire", first, who, token=token), *(event("believe", t, who, token=token) for t in rest)]


def test_terms_that_follow_each_other_do_not_overlap() -> None:
    assert overlaps(tenures(believed(A, "0.5", 0, 3) + believed(B, "0.7", 3, 6), "r"), []) == []


def test_two_beliefs_at_once_are_told_with_their_seconds() -> None:
    found = overlaps(tenures(believed(A, "0.5", 0, 3) + believed(B, "0.7", 2.5, 6), "r"), [])
    assert found == [Overlap("r", (A, B), Span(2.5, 3), excused=False)]
    assert found[0].seconds == 0.5


def test_a_long_belief_overlaps_with_every_later_one() -> None:
    history = believed(A, "0.5", 0, 9) + believed(B, "0.7", 2, 3) + believed(("c", 1), "0.8", 5, 6)
    assert [each.lives[1][0] for each in overlaps(tenures(history, "r"), [])] == ["b", "c"]


def test_a_belief_that_was_never_said_again_is_its_first_moment() -> None:
    assert [each.span for each in tenures(believed(A, "0.5", 4), "r")] == [Span(4, 4)]


def test_a_stopped_process_is_excused_and_only_while_it_was_stopped() -> None:
    history = believed(A, "0.5", 0, 30) + believed(B, "0.7", 4, 40)
    nemesis = [Event("nemesis", 1, 0, OK, "stop", "a", t=3), Event("nemesis", 1, 1, OK, "continue", "a", t=29.9)]
    assert [each.excused for each in overlaps(tenures(history, "r"), stops(nemesis, 50))] == [True]
    early = [Event("nemesis", 1, 0, OK, "stop", "a", t=1), Event("nemesis", 1, 1, OK, "continue", "a", t=2)]
    assert [each.excused for each in overlaps(tenures(history, "r"), stops(early, 50))] == [False]
    assert stops(nemesis[:1], 50) == [("a", Span(3, 50))]


def test_a_belief_beyond_its_own_deadline_is_found() -> None:
    good = event("believe", 1, val={"now": 1.0, "deadline": 8.0})
    late = event("believe", 9, val={"now": 9.0, "deadline": 8.0})
    assert late_beliefs([good]) == []
    assert len(late_beliefs([good, late])) == 1


def test_gaps_are_between_the_effects_of_two_tokens() -> None:
    assert gaps([effect(0, 5), effect(1, 5), effect(4, 7, B), effect(5, 7, B)], "r") == [Span(1, 4)]


@pytest.mark.parametrize(
    ("states", "tokens", "faults", "wrong"),
    [
        ([(1, "x"), (1, ""), (2, "y")], ["0.5", "0.7"], 0, 0),
        # A watch may miss the state in between, never the count.
        ([(2, "y")], ["0.5", "0.7"], 0, 0),
        # A snapshot set it back from two to one.
        ([(1, "x"), (2, "y"), (1, ""), (2, "z")], ["0.5", "0.7", "1.9"], 1, 0),
        ([(1, "x"), (2, "y"), (2, "z")], ["0.5", "0.7", "1.9"], 1, 0),
        ([(1, "x"), (2, "y")], ["0.5"], 1, 0),
        ([(1, "x"), (2, "y")], ["0.5"], 0, 1),
        ([(1, "x")], ["0.5", "0.7"], 9, 1),
    ],
)
def test_consul_counts_the_acquisitions_too(
    states: list[tuple[int, str]], tokens: list[str], faults: int, wrong: int
) -> None:
    history = [event("lock", n, ("watch", 1), val=state) for n, state in enumerate(states)]
    history += [event("acquire", n, token=token, val=f"session of {token}") for n, token in enumerate(tokens)]
    history += [Event("nemesis", 1, n, OK, "kill", "a") for n in range(faults)]
    assert len(unexplained_locks(history)) == wrong


def test_a_session_that_asks_again_for_its_own_lock_is_counted_once() -> None:
    history = [event("lock", 0, ("watch", 1), val=(1, "x"))]
    history += [event("acquire", n, token=f"0.{n}", val="x") for n in (5, 7)]
    assert unexplained_locks(history) == []


def test_effects_are_read_from_what_a_resource_recorded() -> None:
    val = {"order": 3, "proc": "a", "boot": 2}
    history = [event("effect", 1, ("sink", 1), val=val, token="0.5"),
               event("effect", 2, ("sink", 1), ph=FAIL, val=val, token="0.5"),
               event("effect", 2, ("kv", 1), val=val, token="0.5")]
    assert effects_of(history, "sink") == [
        Effect(3, "r", Token(0, 5), ("a", 2), t=1), Effect(3, "r", Token(0, 5), ("a", 2), accepted=False, t=2)
    ]
