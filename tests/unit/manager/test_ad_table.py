"""What becomes of the ads of one sender, whatever order they come in."""

import random

from hoploom.manager import ad_table
from hoploom.manager.ad_table import Heard, Outcome, Sender
from hoploom.wire.ads import MAX_FIRST, Ad
from unit.manager.ads_made import ad_of, enveloped


def heard(ad: Ad, now_s: float = 0.0, remaining_s: float = 45.0) -> Heard:
    return Heard.at(ad, enveloped(ad, remaining_s), now_s)


def after(*heards: Heard) -> tuple[Sender, list[Outcome]]:
    known: Sender | None = None
    outcomes = []
    for each in heards:
        known, outcome = ad_table.hear(known, each)
        outcomes.append(outcome)
    assert known is not None
    return known, outcomes


def test_an_old_ad_never_replaces_a_newer_one_in_ten_thousand_random_orders() -> None:
    chance = random.Random(10_000)
    made = [heard(ad_of(boot, "abc"[boot - 1], generation)) for boot in (1, 2, 3) for generation in (1, 2, 3)]
    for _ in range(10_000):
        chance.shuffle(made)
        known: Sender | None = None
        highest = (0, 0)
        for each in made:
            known, _ = ad_table.hear(known, each)
            assert known is not None
            highest = max(highest, (each.ad.boot, each.ad.generation))
            assert (known.newest.ad.boot, known.newest.ad.generation, known.rivals) == (*highest, ())


def test_the_same_ad_again_prolongs_nothing() -> None:
    known, outcomes = after(heard(ad_of(), 0.0), heard(ad_of(), 30.0))
    assert outcomes == [Outcome.NEW, Outcome.OLD]
    assert known.ends_s() == 45.0


def test_an_ad_holds_no_longer_than_it_says_itself() -> None:
    assert heard(ad_of(ttl_s=10), remaining_s=300.0).ends_s == 10.0


def test_what_is_left_of_an_ad_only_shrinks_from_hand_to_hand() -> None:
    chance, now_s = random.Random(7), 0.0
    held = heard(ad_of(), now_s)
    while held.is_live(now_s):
        before_s = held.remaining_s(now_s)
        now_s += chance.uniform(0.1, 6.0)
        # The next one's clock is another: it has only what it is told.
        envelope, now_s = held.passed_on(now_s), now_s + chance.uniform(-1e6, 1e6)
        held = Heard.at(held.ad, envelope, now_s)
        assert held.remaining_s(now_s) < before_s
    assert held.remaining_s(now_s) == 0.0


def test_the_ad_of_a_dead_worker_cannot_live_on_by_copies() -> None:
    known, _ = after(heard(ad_of(), 0.0))
    # A copy that lay in a manager which was cut off, with what was left of it there.
    known, outcomes = after(known.newest, heard(ad_of(), 40.0, remaining_s=44.0), heard(ad_of(), 60.0))
    assert outcomes[1:] == [Outcome.OLD, Outcome.OLD]
    assert known.live(60.0) == []


def test_an_ad_that_ended_on_its_way_is_no_news_and_leaves_a_tombstone() -> None:
    known, outcomes = after(heard(ad_of(generation=9), remaining_s=0.0), heard(ad_of(generation=8)))
    assert outcomes == [Outcome.ENDED, Outcome.OLD]
    assert known.live(0.0) == []


def test_a_restart_is_seen_at_its_first_ad_with_the_clock_set_back_a_year() -> None:
    year_us = 365 * 86_400 * 1_000_000
    known, outcomes = after(
        heard(ad_of(5, "a", 900, started_us=2 * year_us)), heard(ad_of(6, "b", 1, started_us=year_us), 3.0)
    )
    assert outcomes[-1] is Outcome.NEW
    assert known.newest.ad.instance == "b" * 32
    assert len(known.live(3.0)) == 1


def test_two_machines_with_one_boot_count_clash_and_the_first_stays_listed() -> None:
    known, outcomes = after(
        heard(ad_of(5, "a", 1), 0.0), heard(ad_of(5, "b", 900), 1.0), heard(ad_of(5, "a", 2), 10.0),
        heard(ad_of(5, "b", 901), 11.0), heard(ad_of(5, "b", 900), 12.0),
    )  # fmt: skip
    assert outcomes == [Outcome.NEW, Outcome.RIVAL, Outcome.NEW, Outcome.RIVAL, Outcome.OLD]
    assert known.listed(12.0).ad.instance == "a" * 32
    assert len(known.live(12.0)) == 2
    assert known.listed(55.5).ad.instance == "b" * 32
    assert len(known.live(55.5)) == 1


def test_a_copy_stays_seen_when_the_other_one_has_restarted() -> None:
    known, outcomes = after(
        heard(ad_of(5, "a", 1), 0.0), heard(ad_of(6, "b", 1), 1.0),
        # It was under way when the new run was heard, so it says nothing of a second machine.
        heard(ad_of(5, "a", 2), 4.0),
        heard(ad_of(5, "a", 3), 20.0),
    )  # fmt: skip
    assert outcomes == [Outcome.NEW, Outcome.NEW, Outcome.OLD, Outcome.RIVAL]
    assert known.listed(20.0).ad.boot == 6
    assert len(known.live(20.0)) == 2


def test_an_older_run_that_was_passed_on_late_is_no_second_machine() -> None:
    known, outcomes = after(heard(ad_of(6, "b", 1), 0.0), heard(ad_of(5, "a", 9), 30.0, remaining_s=12.0))
    assert outcomes[-1] is Outcome.OLD
    assert len(known.live(30.0)) == 1


def test_three_rivals_are_kept_and_make_room_when_they_fall_silent() -> None:
    known, outcomes = after(*(heard(ad_of(5, each, 1)) for each in "abcde"))
    assert outcomes == [Outcome.NEW, *[Outcome.RIVAL] * 3, Outcome.OLD]
    known, outcome = ad_table.hear(known, heard(ad_of(5, "e", 2), 50.0))  # type: ignore[assignment]
    assert (outcome, len(known.rivals)) == (Outcome.RIVAL, 1)


def test_who_took_leave_is_alive_no_more_and_comes_back_with_its_next_boot() -> None:
    known, _ = after(heard(ad_of(5, "a", 1)), heard(ad_of(5, "a", 2, down=True)), heard(ad_of(5, "a", 1)))
    assert known.live(0.0) == []
    known, outcome = ad_table.hear(known, heard(ad_of(6, "b", 1), 1.0))  # type: ignore[assignment]
    assert (outcome, len(known.live(1.0))) == (Outcome.NEW, 1)


def test_counts_that_no_sender_comes_to_are_refused() -> None:
    assert ad_table.hear(None, heard(ad_of(MAX_FIRST + 1)))[1] is Outcome.REFUSED
