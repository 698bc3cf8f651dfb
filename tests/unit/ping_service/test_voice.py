"""How a worker counts, whatever managers answer."""

import dataclasses

from hoploom.ping_service.voice import Voice
from hoploom.wire.ad_bodies import WorkerBody
from hoploom.wire.ads import MAX_FIRST, Answer, Order, compare

NEW = Voice(name="pi-1", instance="a" * 32, boot=1, started_us=0)


def answer(highest: int, *, clash: bool = False) -> Answer:
    return Answer(highest={"pi-1": highest, "pi-2": 900}, clashes=("pi-1",) if clash else ())


def test_each_ad_is_newer_than_the_one_before_and_the_last_takes_leave() -> None:
    voice, first = NEW.say(WorkerBody())
    voice, second = voice.say(WorkerBody())
    _, last = voice.say(WorkerBody(), down=True)
    assert compare(second, first) is compare(last, second) is Order.NEWER
    assert (first.down, last.down) == (False, True)


def test_a_wiped_worker_goes_on_from_what_the_mesh_remembers_and_its_next_ad_is_the_newest() -> None:
    said, first = NEW.say(WorkerBody())
    after = said.heard([answer(1), answer(57)])
    assert (after.boot, after.generation, after.clash) == (58, 0, False)
    assert compare(after.say(WorkerBody())[1], first) is Order.NEWER


def test_it_does_so_at_its_first_answer_even_while_its_last_run_is_still_listed() -> None:
    assert NEW.heard([answer(57, clash=True)]).boot == 58


def test_a_manager_that_was_behind_at_first_is_corrected_by_another_later() -> None:
    assert NEW.heard([answer(1)]).heard([answer(57)]).boot == 58


def test_two_copies_of_one_card_do_not_outbid_each_other() -> None:
    one, other = NEW.heard([answer(1)]), NEW.heard([answer(1, clash=True)])
    assert (one.clash, other.clash) == (False, True)
    for _ in range(100):
        highest = max(one.boot, other.boot)
        one, other = one.heard([answer(highest, clash=True)]), other.heard([answer(highest, clash=True)])
    assert (one.boot, other.boot, one.clash, other.clash) == (1, 1, True, True)
    restarted = dataclasses.replace(NEW, boot=2).heard([answer(2, clash=True)])
    assert one.heard([answer(restarted.boot, clash=True)]).boot == 1
    assert one.heard([answer(1)]).clash is False


def test_they_do_not_either_while_nobody_can_tell_yet_that_both_are_running() -> None:
    """The one that began later has the higher count, and for seconds the other's ads are merely old."""
    one, other = NEW.heard([answer(1)]), dataclasses.replace(NEW, boot=2).heard([answer(2)])
    for _ in range(100):
        one = one.heard([answer(max(one.boot, other.boot))])
        other = other.heard([answer(max(one.boot, other.boot))])
    assert (one.boot, other.boot) == (3, 4)


def test_no_manager_carries_the_count_beyond_what_others_believe() -> None:
    assert NEW.heard([answer(2**52)]).boot == 1
    assert NEW.heard([answer(MAX_FIRST - 1)]).boot == MAX_FIRST
