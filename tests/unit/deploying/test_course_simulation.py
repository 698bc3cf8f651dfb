"""Deploys of many seeds keep their promises; a machine that breaks one of them is found out."""

from dataclasses import replace

import pytest

from hoploom.deploying import course as machine
from hoploom.deploying.gate import Verdict
from hoploom.deploying.happenings import (
    Clear,
    Command,
    Event,
    Forget,
    GivenUp,
    GiveUp,
    Hush,
    Hushed,
    Interrupted,
    Judged,
    Promote,
    Revert,
    Share,
    Tell,
)
from hoploom.deploying.standing import Course, Result
from lab.deploy_world import DATACENTERS, StepOf, run

SEEDS = 60
_RED = 60


def test_deploys_of_many_seeds_keep_their_promises() -> None:
    worlds = {seed: run(seed) for seed in range(SEEDS)}
    assert {seed: world.wrong for seed, world in worlds.items() if world.wrong} == {}
    assert {(world.code, world.left) for world in worlds.values()} == {(0, False), (1, False), (1, True)}


def _hushes_nobody(course: Course, event: Event, now_s: float) -> Result:
    after, commands = machine.step(course, event, now_s)
    kept: list[Command] = [each for each in commands if not isinstance(each, Hush)]
    for each in commands:
        if isinstance(each, Hush):
            after, more = machine.step(after, Hushed(each.dc), now_s)
            kept += more
    return after, kept


def _sees_no_breach(course: Course, event: Event, now_s: float) -> Result:
    if isinstance(event, Judged):
        verdict: Verdict = replace(event.verdict, ok=True, enough=True)
        return machine.step(course, Judged(event.dc, verdict), now_s)
    return machine.step(course, event, now_s)


def _hears_no_hand(course: Course, event: Event, now_s: float) -> Result:
    return (course, []) if isinstance(event, Interrupted) else machine.step(course, event, now_s)


def _is_in_a_hurry(course: Course, event: Event, now_s: float) -> Result:
    return machine.step(course, event, now_s * 3)


def _moves_all_datacenters_at_once(course: Course, event: Event, now_s: float) -> Result:
    after, commands = machine.step(course, event, now_s)
    shares = [each for each in commands if isinstance(each, Share)]
    return after, [*commands, *(Share(dc, each.share) for each in shares for dc in DATACENTERS if dc != each.dc)]


def _promotes_with_the_last_share(course: Course, event: Event, now_s: float) -> Result:
    after, commands = machine.step(course, event, now_s)
    return after, [*commands, *(Promote() for each in commands if isinstance(each, Share) and each.share == 1)]


def _clears_as_it_promotes(course: Course, event: Event, now_s: float) -> Result:
    after, commands = machine.step(course, event, now_s)
    clears = [Clear(dc) for dc in DATACENTERS]
    return after, [*commands, *(clears if any(isinstance(each, Promote) for each in commands) else [])]


def _never_gives_up(course: Course, event: Event, now_s: float) -> Result:
    after, commands = machine.step(course, event, now_s)
    if any(isinstance(each, GiveUp) for each in commands):
        after, _ = machine.step(after, GivenUp(), now_s)
    return after, [each for each in commands if not isinstance(each, GiveUp | Revert)]


def _forgets_what_it_leaves(course: Course, event: Event, now_s: float) -> Result:
    after, commands = machine.step(course, event, now_s)
    is_left = any(isinstance(each, Tell) and each.what == "left" for each in commands)
    return after, [Forget(), *commands] if is_left else commands


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (_hushes_nobody, "without a weight"),
        (_sees_no_breach, "after it was to be taken back"),
        (_hears_no_hand, "after it was to be taken back"),
        (_is_in_a_hurry, "had been watched"),
        (_moves_all_datacenters_at_once, "had been watched"),
        (_promotes_with_the_last_share, "had been watched"),
        (_clears_as_it_promotes, "while both versions were there"),
        (_never_gives_up, "though nothing was refused"),
        (_forgets_what_it_leaves, "kept nothing"),
    ],
)
def test_a_machine_that_breaks_a_rule_is_found_out(broken: StepOf, words: str) -> None:
    found = (wrong for seed in range(_RED) for wrong in run(seed, broken).wrong)
    assert any(words in wrong for wrong in found)
